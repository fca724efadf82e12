/**
 * Finds the GPU code in a HIP library: the library's bytes in, its offload bundles out.
 *
 * A HIP library is an ELF file whose section `.hip_fatbin` holds one bundle per compilation unit, each on a page boundary. A
 * bundle holds one code object per architecture, plain (`__CLANG_OFFLOAD_BUNDLE__`) or compressed (`CCOB`).
 * Sources: the ELF-64 object file format; Clang's ClangOffloadBundler document.
 */

const SECTION = ".hip_fatbin";
const PAGE = 4096;
const MAGICS = ["__CLANG_OFFLOAD_BUNDLE__", "CCOB"];

/** The bundles in file order; `undefined` when the bytes are not a 64-bit little-endian ELF file with GPU code. */
export function findBundles(library: Uint8Array): readonly Uint8Array[] | undefined {
  const section = findSection(Buffer.from(library.buffer, library.byteOffset, library.byteLength), SECTION);
  if (section === undefined) return undefined;
  const starts: number[] = [];
  for (let offset = 0; offset < section.length; offset += PAGE) {
    if (MAGICS.some((magic) => section.toString("latin1", offset, offset + magic.length) === magic))
      starts.push(offset);
  }
  return starts.length === 0 ? undefined : starts.map((start, i) => section.subarray(start, starts[i + 1]));
}

/** Offsets in bytes: ELF header e_shoff 0x28, e_shentsize 0x3a, e_shnum 0x3c, e_shstrndx 0x3e; section sh_offset 0x18, sh_size 0x20. */
function findSection(elf: Buffer, name: string): Buffer | undefined {
  const isElf64 = elf.length >= 64 && elf.readUInt32BE(0) === 0x7f454c46 && elf[4] === 2 && elf[5] === 1;
  if (!isElf64) return undefined;
  const [table, size, count, names] = [
    Number(elf.readBigUInt64LE(0x28)),
    elf.readUInt16LE(0x3a),
    elf.readUInt16LE(0x3c),
    elf.readUInt16LE(0x3e),
  ];
  if (size < 64 || table + size * count > elf.length || names >= count) return undefined;
  const header = (index: number): Buffer => elf.subarray(table + size * index, table + size * (index + 1));
  const content = (section: Buffer): Buffer => {
    const start = Number(section.readBigUInt64LE(0x18));
    return elf.subarray(start, start + Number(section.readBigUInt64LE(0x20)));
  };
  const strings = content(header(names));
  for (let index = 0; index < count; index++) {
    const start = header(index).readUInt32LE(0);
    const end = strings.indexOf(0, start);
    if (strings.toString("latin1", start, end) === name) return content(header(index));
  }
  return undefined;
}
