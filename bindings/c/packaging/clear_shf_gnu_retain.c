/* Lets the linker drop what nobody calls: clears SHF_GNU_RETAIN in objects and archives, in place. Swift marks every
 * public function so, its whole standard library included; in a library with a closed list of symbols that keeps a
 * megabyte for nothing. The runtime's own records (sections swift5_...), which it finds by name, keep theirs.
 * Usage: clear_shf_gnu_retain FILE... (ELF64 objects of this machine's byte order, or archives of them). Must not: touch bytes
 * of code or data. */
#include <ar.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SHF_GNU_RETAIN
#define SHF_GNU_RETAIN (1 << 21)
#endif

static int is_record(const char *name) {
  return strncmp(name, "swift5", 6) == 0 || strncmp(name, "__swift5", 8) == 0;
}

/** An object of `size` bytes; 0 when its headers lead outside it. */
static int clear_object(unsigned char *bytes, size_t size) {
  Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
  if (size < sizeof *header || header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_shoff > size ||
      header->e_shoff + sizeof(Elf64_Shdr) > size)
    return 0;
  Elf64_Shdr *sections = (Elf64_Shdr *)(bytes + header->e_shoff);
  /* More than 65,279 sections: the numbers stand in the first one. */
  size_t count = header->e_shnum ? header->e_shnum : sections[0].sh_size;
  size_t names = header->e_shstrndx == SHN_XINDEX ? sections[0].sh_link : header->e_shstrndx;
  if (count > (size - header->e_shoff) / sizeof *sections || names >= count) return 0;
  Elf64_Shdr table = sections[names];
  if (table.sh_offset > size || table.sh_size > size - table.sh_offset || table.sh_size == 0 ||
      bytes[table.sh_offset + table.sh_size - 1] != 0)
    return 0;
  for (size_t index = 0; index < count; index++) {
    if (sections[index].sh_name >= table.sh_size) return 0;
    if (!is_record((char *)bytes + table.sh_offset + sections[index].sh_name))
      sections[index].sh_flags &= ~(Elf64_Xword)SHF_GNU_RETAIN;
  }
  return 1;
}

static int clear_archive(unsigned char *bytes, size_t size) {
  for (size_t at = SARMAG; at + sizeof(struct ar_hdr) <= size;) {
    struct ar_hdr *member = (struct ar_hdr *)(bytes + at);
    char digits[sizeof member->ar_size + 1] = {0};
    memcpy(digits, member->ar_size, sizeof member->ar_size);
    size_t length = strtoul(digits, NULL, 10);
    at += sizeof *member;
    if (length > size - at) return 0;
    /* Members lie at even offsets, headers want eight: work on a copy. */
    unsigned char *copy = malloc(length ? length : 1);
    if (!copy) return 0;
    memcpy(copy, bytes + at, length);
    if (length > SELFMAG && memcmp(copy, ELFMAG, SELFMAG) == 0 && !clear_object(copy, length)) return free(copy), 0;
    memcpy(bytes + at, copy, length);
    free(copy);
    at += length + length % 2;
  }
  return 1;
}

static int clear_file(const char *path) {
  FILE *file = fopen(path, "r+b");
  if (!file) return 0;
  long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  unsigned char *bytes = size > SARMAG ? malloc((size_t)size) : NULL;
  rewind(file);
  int good = bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size;
  if (good)
    good = memcmp(bytes, ARMAG, SARMAG) == 0 ? clear_archive(bytes, (size_t)size) : clear_object(bytes, (size_t)size);
  rewind(file);
  good = good && fwrite(bytes, 1, (size_t)size, file) == (size_t)size;
  free(bytes);
  return fclose(file) == 0 && good;
}

int main(int argc, char **argv) {
  for (int index = 1; index < argc; index++)
    if (!clear_file(argv[index])) return fprintf(stderr, "clear_shf_gnu_retain: cannot change %s\n", argv[index]), 1;
  return 0;
}
