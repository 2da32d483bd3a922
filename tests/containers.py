"""The container engine of this machine, where there is one."""

import shutil
import subprocess


def docker(*arguments: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)


def has_engine() -> bool:
    """Whether containers can be started here: the program alone is not enough."""
    return shutil.which("docker") is not None and docker("info", timeout=20).returncode == 0
