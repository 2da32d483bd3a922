// Files of the API: as a picture in the page, or saved on the disk.
import { askFile } from "../api.js";

/** The file as a `data:` address, which pictures may have under the page's policy. Raises Problem. */
export async function dataUrlOf(path, query, signal) {
  const blob = await askFile(path, query, { signal });
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Saves the file under a name. Raises Problem. */
export async function saveFile(path, query, name) {
  const blob = await askFile(path, query);
  const anchor = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}
