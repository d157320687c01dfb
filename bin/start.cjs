// The single executable's main script. Everything else is an asset.
const {getRawAsset} = require('node:sea');
const {chunkLoader} = require('./chunks.cjs');

const bytes = (name) => Buffer.from(getRawAsset(name));

chunkLoader((name) => {
  const cachedData = bytes(`cache/${name}`);
  // A binary for another architecture carries none.
  return {source: bytes(`chunks/${name}`), cachedData: cachedData.length > 0 ? cachedData : undefined};
})('./main.cjs');
