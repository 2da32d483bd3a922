"""Clicktrail's version, and in a checkout the commit, read from git's files without running git."""

from pathlib import Path

from clicktrail import __version__

_SHORT = 7


def describe_version(package: Path = Path(__file__).parents[1]) -> str:
    """`0.1.0 (abc1234)` in a checkout, `0.1.0` for an installation from a wheel."""
    root = package.parents[1]
    commit = find_commit(root) if package == root / "src" / "clicktrail" else ""
    return f"{__version__} ({commit[:_SHORT]})" if commit else __version__


def find_commit(root: Path) -> str:
    """The commit of a checkout; empty if it cannot be read."""
    try:
        folder = root / ".git"
        if folder.is_file():  # in a worktree the file names the folder
            folder = root / folder.read_text("utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text("utf-8").strip()
        return _find_ref(folder, head.removeprefix("ref: ")) if head.startswith("ref: ") else head
    except (OSError, ValueError):
        return ""


def _find_ref(folder: Path, name: str) -> str:
    common = folder / "commondir"
    folder = folder / common.read_text("utf-8").strip() if common.is_file() else folder
    if (folder / name).is_file():
        return (folder / name).read_text("utf-8").strip()
    packed = (folder / "packed-refs").read_text("utf-8").splitlines()
    return next((line.partition(" ")[0] for line in packed if line.endswith(f" {name}")), "")
