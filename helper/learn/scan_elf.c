#include "helper/learn/scan_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/learn/scan_links.h"
#include "helper/learn/scan_object.h"
#include "helper/learn/scan_sections.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* No program is as large; a file that only claims to be must not take all memory. */
#define FILE_MAX (UINT64_C(1) << 30)

static const struct processor *const processors[] = { &scan_x86, &scan_arm64 };

static int read_image(const char *path, struct object *o, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	size_t n = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "not a regular file");
	if ((uint64_t)st.st_size > FILE_MAX)
		return err_set(e, EFBIG, "larger than a program may be");

	o->image = malloc((size_t)st.st_size + 1);
	if (!o->image)
		return err_set(e, ENOMEM, "out of memory");
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, o->image + n, (size_t)st.st_size - n);

		if (got < 0 && errno != EINTR)
			return err_set(e, errno, "cannot be read: %s", strerror(errno));
		if (got == 0)
			break; /* made shorter meanwhile */
		n += got > 0 ? (size_t)got : 0;
	}
	o->image_len = n;
	o->stat = st;
	return 0;
}

static int read_header(struct object *o, GElf_Ehdr *ret, uint32_t *ret_arch, struct err *e)
{
	if (o->image_len < SELFMAG || memcmp(o->image, ELFMAG, SELFMAG) != 0)
		return err_set(e, ENOEXEC, "not an ELF file");
	o->elf = elf_memory((char *)o->image, o->image_len);
	if (!o->elf || elf_kind(o->elf) != ELF_K_ELF || !gelf_getehdr(o->elf, ret))
		return err_set(e, ENOEXEC, "a damaged ELF file");
	if (ret->e_machine == EM_386)
		*ret_arch = AUDIT_ARCH_I386;
	for (size_t i = 0; i < sizeof(processors) / sizeof(*processors); i++) {
		if (ret->e_machine == processors[i]->machine &&
			ret->e_ident[EI_CLASS] == ELFCLASS64 &&
			ret->e_ident[EI_DATA] == ELFDATA2LSB) {
			o->cpu = processors[i];
			*ret_arch = o->cpu->arch;
		}
	}
	if (!o->cpu)
		return err_set(e, ENOEXEC,
			"made for a processor whose code is not scanned (neither x86-64 nor "
			"AArch64)");
	if (ret->e_type != ET_EXEC && ret->e_type != ET_DYN)
		return err_set(e, ENOEXEC, "neither a program nor a shared library");
	return 0;
}

/* A segment that reaches beyond the file is cut to what there is; the loader would not map it. */
static int add_segment(struct object *o, const GElf_Phdr *p)
{
	struct segment s = { { p->p_vaddr, p->p_filesz }, p->p_offset, p->p_flags & PF_X };

	if (p->p_offset >= o->image_len)
		return 0;
	if (s.range.size > o->image_len - p->p_offset)
		s.range.size = o->image_len - p->p_offset;
	if (s.range.size > UINT64_MAX - s.range.addr)
		return 0;
	return object_add_segment(o, &s);
}

/*
 * The search table of .eh_frame_hdr: for each function its begin and where its unwind information
 * is, as two 32-bit distances from the header. Other encodings of it are allowed, but nobody writes
 * them.
 */
static int read_unwind_table(struct object *o, const GElf_Phdr *p)
{
	static const uint8_t head[] = { 1, 0x1b, 0x03, 0x3b };
	const uint8_t *t;
	uint32_t count;

	if (p->p_offset > o->image_len || o->image_len - p->p_offset < 12)
		return 0;
	t = o->image + p->p_offset;
	if (memcmp(t, head, sizeof(head)) != 0)
		return 0;
	memcpy(&count, t + 8, sizeof(count));
	if (count > (o->image_len - p->p_offset - 12) / 8)
		return 0;
	for (size_t i = 0; i < count; i++) {
		int32_t distance;
		int r;

		memcpy(&distance, t + 12 + 8 * i, sizeof(distance));
		r = object_add_function(o, p->p_vaddr + (uint64_t)(int64_t)distance);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_segments(struct object *o, bool *ret_has_interpreter, struct err *e)
{
	GElf_Phdr p;
	size_t n;
	int r = 0;

	if (elf_getphdrnum(o->elf, &n) < 0)
		return err_set(e, ENOEXEC, "a damaged ELF file: no program headers");
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!gelf_getphdr(o->elf, (int)i, &p))
			return err_set(
				e, ENOEXEC, "a damaged ELF file: program headers beyond its end");
		if (p.p_type == PT_LOAD)
			r = add_segment(o, &p);
		if (p.p_type == PT_DYNAMIC)
			o->is_dynamic = true;
		if (p.p_type == PT_INTERP)
			*ret_has_interpreter = true;
	}
	/* Functions count only in segments, which are all known by now. */
	for (size_t i = 0; i < n && r == 0; i++)
		if (gelf_getphdr(o->elf, (int)i, &p) && p.p_type == PT_GNU_EH_FRAME)
			r = read_unwind_table(o, &p);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* The rest of what may be a function, then everything in order. */
static int finish(struct object *o, uint64_t entry)
{
	int r = object_add_start(o, entry);

	for (size_t i = 0; r == 0 && i < o->n_segments; i++)
		r = object_add_function(o, o->segments[i].range.addr);
	object_sort(o);
	return r;
}

static int load(const char *path, struct object *o, uint32_t *ret_arch, struct err *e)
{
	struct sections_seen seen = { 0 };
	bool has_interpreter = false;
	GElf_Ehdr header;
	int r;

	r = read_image(path, o, e);
	if (r == 0)
		r = read_header(o, &header, ret_arch, e);
	if (r == 0)
		r = read_segments(o, &has_interpreter, e);
	if (r < 0)
		return r;

	r = sections_read(o, &seen);
	if (r == 0)
		r = finish(o, header.e_entry);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (o->n_functions == 0)
		return err_set(e, ENOEXEC, "holds no code");
	if (o->is_dynamic && !seen.has_symbols)
		return err_set(e, ENOEXEC,
			"has no section headers, so that what it calls in libraries cannot be "
			"read");

	o->is_program = header.e_type == ET_EXEC || seen.is_pie || !o->is_dynamic ||
			(has_interpreter && !o->soname);
	return links_read(o) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int object_load(const char *path, struct object *ret, uint32_t *ret_arch, struct err *e)
{
	struct object o = { 0 };
	int r;

	(void)elf_version(EV_CURRENT);
	r = load(path, &o, ret_arch, e);
	if (r < 0)
		object_done(&o);
	else
		*ret = o;
	return r;
}
