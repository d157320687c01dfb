/** Bytes of a 64-bit ELF file's header. */
exports.elfHeaderBytes = 64;

/** Where the section headers end (elf(5): e_shoff, e_shentsize, e_shnum): they are the last of what Node's build writes. */
exports.elfEnd = (header) =>
  Number(header.readBigUInt64LE(0x28)) + header.readUInt16LE(0x3a) * header.readUInt16LE(0x3c);
