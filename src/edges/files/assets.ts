import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {getAsset, isSea} from 'node:sea';

/**
 * Files that travel inside the binary: `templates/...` as text and `images/*.tar` made by the build.
 * In a source checkout they are read from the checkout (`templates/`, `dist/images/`).
 */
export function asset(name: string): Uint8Array {
  if (isSea()) return new Uint8Array(getAsset(name));
  const root = join(import.meta.dirname, '..', '..');
  return readFileSync(name.startsWith('images/') ? join(root, 'dist', name) : join(root, name));
}

export function assetText(name: string): string {
  return new TextDecoder().decode(asset(name));
}
