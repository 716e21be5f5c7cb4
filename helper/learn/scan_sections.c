/* What the sections of an ELF file tell: symbols, what the loader fills in, constructors, needed
 * libraries. */
#include "helper/learn/scan_sections.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "helper/learn/scan_object.h"

/* Newer than the headers of some: relative relocations, packed. */
#ifndef SHT_RELR
#define SHT_RELR 19
#endif

static int read_dynamic(struct object *o, Elf_Data *d, size_t strings, bool *ret_is_pie)
{
	GElf_Dyn dyn;
	int r = 0;

	for (int i = 0; r == 0 && gelf_getdyn(d, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		const char *name;

		switch (dyn.d_tag) {
		case DT_NEEDED:
			name = elf_strptr(o->elf, strings, dyn.d_un.d_val);
			if (name)
				r = object_add_needed(o, name);
			break;
		case DT_SONAME:
			o->soname = elf_strptr(o->elf, strings, dyn.d_un.d_val);
			break;
		case DT_INIT:
		case DT_FINI:
			r = object_add_start(o, dyn.d_un.d_ptr);
			break;
		case DT_FLAGS_1:
			*ret_is_pie = dyn.d_un.d_val & DF_1_PIE;
			break;
		}
	}
	return r;
}

static int read_symbols(struct object *o, Elf_Data *d, size_t strings, bool is_exported)
{
	GElf_Sym sym;
	int r = 0;

	for (int i = 1; r == 0 && gelf_getsym(d, i, &sym); i++) {
		int type = GELF_ST_TYPE(sym.st_info);
		struct symbol s = { elf_strptr(o->elf, strings, sym.st_name), sym.st_value };

		if (sym.st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC) ||
			!object_is_code(o, s.addr))
			continue;
		r = object_add_function(o, s.addr);
		if (r == 0 && s.name && *s.name)
			r = object_add_name(o, &s);
		if (r == 0 && s.name && *s.name && is_exported &&
			GELF_ST_BIND(sym.st_info) != STB_LOCAL)
			r = object_add_export(o, &s);
	}
	return r;
}

/* What the relocations of both processors come to. */
static bool reloc_kind(
	const struct object *o, uint32_t type, bool *ret_has_symbol, bool *ret_is_data)
{
	/* clang-format off */
	static const struct {
		uint16_t machine;
		uint32_t type;
		bool has_symbol, is_data;
	} kinds[] = {
		{ EM_X86_64, R_X86_64_JUMP_SLOT, true, false },
		{ EM_X86_64, R_X86_64_GLOB_DAT, true, false },
		{ EM_X86_64, R_X86_64_64, true, true },
		{ EM_X86_64, R_X86_64_RELATIVE, false, true },
		{ EM_X86_64, R_X86_64_IRELATIVE, false, false },
		{ EM_AARCH64, R_AARCH64_JUMP_SLOT, true, false },
		{ EM_AARCH64, R_AARCH64_GLOB_DAT, true, false },
		{ EM_AARCH64, R_AARCH64_ABS64, true, true },
		{ EM_AARCH64, R_AARCH64_RELATIVE, false, true },
		{ EM_AARCH64, R_AARCH64_IRELATIVE, false, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].machine == o->cpu->machine && kinds[i].type == type) {
			*ret_has_symbol = kinds[i].has_symbol;
			*ret_is_data = kinds[i].is_data;
			return true;
		}
	}
	return false;
}

static int read_relocations(struct object *o, Elf_Data *d, Elf_Data *symbols, size_t strings)
{
	GElf_Rela rela;
	GElf_Sym sym;
	int r = 0;

	for (int i = 0; r == 0 && gelf_getrela(d, i, &rela); i++) {
		struct slot s = { .addr = rela.r_offset, .target = (uint64_t)rela.r_addend };
		bool has_symbol;

		if (!reloc_kind(o, (uint32_t)GELF_R_TYPE(rela.r_info), &has_symbol, &s.is_data))
			continue;
		if (has_symbol) {
			if (!symbols || !gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &sym))
				continue;
			s.symbol = elf_strptr(o->elf, strings, sym.st_name);
			if (s.symbol && !*s.symbol)
				s.symbol = NULL;
			s.target += sym.st_value;
		}
		r = object_add_slot(o, &s);
	}
	return r;
}

/* The address that the file itself holds in this place, which the loader will move by where it
 * loads the file. */
static int add_relative(struct object *o, uint64_t addr)
{
	struct slot s = { .addr = addr, .is_data = true };
	const uint8_t *p = object_bytes(o, addr, sizeof(s.target));

	if (!p)
		return 0;
	memcpy(&s.target, p, sizeof(s.target));
	return object_add_slot(o, &s);
}

/* An even word is an address; an odd one says by its bits which of the next 63 words are. */
static int read_packed_relocations(struct object *o, Elf_Data *d)
{
	uint64_t word, next = 0;
	int r = 0;

	for (size_t i = 0; d && d->d_buf && r == 0 && i + sizeof(word) <= d->d_size;
		i += sizeof(word)) {
		memcpy(&word, (const char *)d->d_buf + i, sizeof(word));
		if (!(word & 1)) {
			r = add_relative(o, word);
			next = word + 8;
			continue;
		}
		for (uint64_t addr = next; r == 0 && (word >>= 1) != 0; addr += 8)
			if (word & 1)
				r = add_relative(o, addr);
		next += 63 * 8;
	}
	return r;
}

/* What other sections refer to, found on a first walk. */
struct sections {
	Elf_Data *dynamic_symbols;
	size_t strings;
	bool is_pie;
};

/* Names matter for procedure linkage tables only: their stubs are no functions, but unwind tables
 * know them as one. */
static int read_code_section(struct object *o, const GElf_Shdr *h, const char *name)
{
	struct range r = { h->sh_addr, h->sh_size };

	if (name && strncmp(name, ".plt", 4) == 0 && object_add_stubs(o, &r) < 0)
		return -ENOMEM;
	return object_add_function(o, h->sh_addr);
}

static int read_data_section(struct object *o, const GElf_Shdr *h)
{
	struct range r = { h->sh_addr, h->sh_size };

	return h->sh_type == SHT_PROGBITS && (h->sh_flags & SHF_ALLOC) ? object_add_data(o, &r) : 0;
}

/* Of each of these sections a file has one. */
static int read_section(struct object *o, Elf_Scn *scn, const GElf_Shdr *h, struct sections *seen)
{
	switch (h->sh_type) {
	case SHT_DYNSYM:
		if (seen->dynamic_symbols)
			return 0;
		seen->dynamic_symbols = elf_getdata(scn, NULL);
		seen->strings = h->sh_link;
		return read_symbols(o, seen->dynamic_symbols, h->sh_link, true);
	case SHT_SYMTAB:
		return o->n_names > o->n_exports
			       ? 0
			       : read_symbols(o, elf_getdata(scn, NULL), h->sh_link, false);
	case SHT_DYNAMIC:
		return o->n_needed > 0
			       ? 0
			       : read_dynamic(o, elf_getdata(scn, NULL), h->sh_link, &seen->is_pie);
	}
	return 0;
}

static int read_relocation_section(
	struct object *o, Elf_Scn *scn, const GElf_Shdr *h, const struct sections *seen)
{
	if (!(h->sh_flags & SHF_ALLOC))
		return 0;
	if (h->sh_type == SHT_RELA)
		return read_relocations(
			o, elf_getdata(scn, NULL), seen->dynamic_symbols, seen->strings);
	if (h->sh_type == SHT_RELR)
		return read_packed_relocations(o, elf_rawdata(scn, NULL));
	return 0;
}

static int read_all(struct object *o, struct sections *seen)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr h;
	size_t names;
	int r = 0;

	if (elf_getshdrstrndx(o->elf, &names) < 0)
		names = 0;
	while (r == 0 && (scn = elf_nextscn(o->elf, scn)) != NULL) {
		if (!gelf_getshdr(scn, &h))
			continue;
		r = read_section(o, scn, &h, seen);
		if (r == 0 && (h.sh_flags & SHF_EXECINSTR))
			r = read_code_section(o, &h, elf_strptr(o->elf, names, h.sh_name));
		else if (r == 0)
			r = read_data_section(o, &h);
	}
	while (r == 0 && (scn = elf_nextscn(o->elf, scn)) != NULL)
		if (gelf_getshdr(scn, &h))
			r = read_relocation_section(o, scn, &h, seen);
	return r;
}

int sections_read(struct object *o, struct sections_seen *ret)
{
	struct sections seen = { 0 };
	int r;

	r = read_all(o, &seen);
	ret->has_symbols = seen.dynamic_symbols != NULL;
	ret->is_pie = seen.is_pie;
	return r;
}
