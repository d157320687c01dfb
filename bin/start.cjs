// The single executable's main script. The chunks stand behind the executable proper (bin/tail.mjs) and are read, not
// mapped: as assets of the executable each process would keep five megabytes of them in its memory for good.
const {openSync, readSync} = require('node:fs');
const {chunkLoader} = require('./chunks.cjs');
const {elfEnd, elfHeaderBytes} = require('./elf.cjs');

/** Of this very program, also when another one has taken its place on disk meanwhile. */
function openSelf() {
  try {
    return openSync('/proc/self/exe');
  } catch {
    return openSync(process.execPath);
  }
}

const self = openSelf();

const startMs = 1000;
/** One place for all that is read at the start: nothing of it is kept, and memory that comes and goes leaves holes. */
let place;

function bytesAt(offset, length) {
  if (place === undefined) setTimeout(giveBack, startMs).unref();
  if (place === undefined || length > place.length)
    place = Buffer.allocUnsafeSlow(Math.max(length, 1024 * 1024));
  for (let at = 0; at < length; ) {
    const count = readSync(self, place, at, length - at, offset + at);
    if (count === 0) throw new Error(`${process.execPath} is cut off`);
    at += count;
  }
  return place.subarray(0, length);
}

function giveBack() {
  place = undefined;
}

// Not from the end of the file: a signature, or anything else, may have been put behind it.
const start = elfEnd(bytesAt(0, elfHeaderBytes));
const indexBytes = bytesAt(start, 4).readUInt32LE();
const index = JSON.parse(bytesAt(start + 4, indexBytes).toString());
const first = start + 4 + indexBytes;

chunkLoader((name) => {
  const [offset, sourceBytes, cacheBytes] = index[name];
  const bytes = bytesAt(first + offset, sourceBytes + cacheBytes);
  // A binary for another architecture carries no cache.
  const cachedData = cacheBytes > 0 ? bytes.subarray(sourceBytes) : undefined;
  return {source: bytes.subarray(0, sourceBytes), cachedData};
})('./main.cjs');
