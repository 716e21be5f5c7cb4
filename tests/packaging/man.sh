#!/bin/sh
# The manual says what the programs do: no page has a fault, no option or key is missing in one or made up, and the
# examples are good.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"
need mandoc

man=$src/man

# ---- form ----

for page in "$man"/*.[1-9]; do
	t_same "${page##*/} has no fault" "$(mandoc -T lint -W warning "$page" 2>&1)" ''
done
t_same 'pages refer to pages that are there' "$(
	grep -h '^\.Xr' "$man"/*.[1-9] | awk '$2 ~ /carrel/ { print $2 "." $3 }' | sort -u |
		while read -r page; do
			[ -e "$man/$page" ] || echo "$page"
		done
)" ''

# ---- options ----

# page_options PAGE: every option of a macro line, one a line; -abc is three.
page_options() {
	awk '/^\./ {
		for (i = 1; i < NF; i++) {
			if ($i != "Fl" && $i != ".Fl")
				continue
			if (substr($(i + 1), 1, 1) == "-")
				print "-" $(i + 1)
			else
				for (k = 1; k <= length($(i + 1)); k++)
					print "-" substr($(i + 1), k, 1)
		}
	}' "$man/$1" | sort -u
}

# help_options: the options in a --help on stdin, long ones anywhere, short ones with a line of their own.
help_options() {
	grep -oE -e '--[a-z][a-z-]*' -e '^  -[A-Za-z],? ' | tr -d ' ,' | sort -u
}

commands() {
	"$build/carrel" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'
}

# What `carrel root` takes stands in a table, since its --help is short.
root_options() {
	sed -n "s/^\\t{ '\\(.\\)', \"\\([a-z-]*\\)\", .*/-\\1 --\\2/p" "$src/helper/door/root_options.c" | tr ' ' '\n'
}

carrel_options() {
	"$build/carrel" --help | help_options
	for command in $(commands); do
		if [ "$command" = root ]; then
			root_options
		else
			"$build/carrel" "$command" --help | help_options
		fi
	done
	echo --help
}

t_match 'carrel has commands' "$(commands)" '^check$'
t_match 'and root has options' "$(root_options)" '^--login$'
t_same 'carrel(1) has every command and no other' \
	"$(sed -n 's/^\.Ss carrel //p' "$man/carrel.1" | sort)" "$(commands | sort)"
t_same 'carrel(1) has every option and no other' "$(page_options carrel.1)" "$(carrel_options | sort -u)"
t_match 'carrel-helper has options' "$("$build/carrel-helper" --help | help_options)" '^--listen$'
t_same 'carrel-helper(8) has every option and no other' \
	"$(page_options carrel-helper.8)" "$("$build/carrel-helper" --help | help_options)"

module_words() {
	grep -oE 'argv\[i\], "[a-z]+=?"' "$src/pam_module/pam_carrel.c" | cut -d'"' -f2
}
t_match 'the module has arguments' "$(module_words)" '^exempt=$'
t_same 'pam_carrel(8) has every argument and no other' \
	"$(sed -n '/^\.Sh OPTIONS/,/^\.Sh MODULE/s/^\.It Cm \([a-z]*=*\).*/\1/p' "$man/pam_carrel.8" | sort)" \
	"$(module_words | sort)"

# ---- events ----

events() {
	grep -oE '"[0-9a-f]{32}"' "$src/helper/log.c" | tr -d '"'
}
t_same 'thirteen kinds of event have an identity each' "$(events | sort -u | wc -l | tr -d ' ')" 13
t_same 'carrel-helper(8) has every one and no other' \
	"$(sed -n 's/^\.It \([0-9a-f]*\) Ta .*/\1/p' "$man/carrel-helper.8" | sort)" "$(events | sort)"
t_same 'and every field' "$(grep -oE 'CARREL_[A-Z_]+=' "$src/helper/log.c" | tr -d = | sort -u)" \
	"$(grep -oE 'CARREL_[A-Z_]+' "$man/carrel-helper.8" | sort -u)"

# ---- configuration ----

etc=$tmp/etc
mkdir -p "$etc/conf.d"
cp -R "$src/etc/filters" "$etc/filters"

# keys_known: all keys that the code takes.
keys_known() {
	printf '[profile p]\n[assign]\n* = p\n' >"$etc/carrel.conf"
	"$build/carrel" explain --config "$etc" --json nobody |
		sed -n '/^  "profile": {/,/^  }/s/^    "\([a-z-]*\)":.*/\1/p' | grep -Evx 'name|origin'
	sed -n 's/.*strcmp(l->key, "\([a-z-]*\)").*/\1/p' "$src"/policy/config*.c
}

keys_described() {
	sed -n 's/^\.It Cm \([a-z-]*\) Ns = Ns .*/\1/p' "$man/carrel.conf.5"
}

t_match 'profiles have keys' "$(keys_known)" '^memory-max$'
t_match 'and other sections have' "$(keys_known)" '^negative$'
t_same 'carrel.conf(5) has every key and no other' "$(keys_described | sort)" "$(keys_known | sort)"

# default_described KEY: the word after "Default:" in the key's item.
default_described() {
	awk -v key="$1" '
		/^\.(It|El)/ { here = $1 == ".It" && $3 == key; after = 0 }
		here && after { print $2; exit }
		here && $0 == "Default:" { after = 1 }' "$man/carrel.conf.5"
}

# Said aloud, a default must change nothing.
explained() {
	"$build/carrel" explain --config "$etc" --json nobody | grep -v '"line":'
}
printf '[profile p]\n[assign]\n* = p\n' >"$etc/carrel.conf"
explained >"$tmp/silent"
{
	echo '[profile p]'
	for key in $(keys_described); do
		value=$(default_described "$key")
		case $key in
		pool | uids) ;;
		*) [ -z "$value" ] || echo "$key = $value" ;;
		esac
	done
	printf '[assign]\n* = p\n[ids]\npool = %s\nuids = %s\n' "$(default_described pool)" "$(default_described uids)"
} >"$etc/carrel.conf"
t_match 'defaults are described' "$(cat "$etc/carrel.conf")" '^tmp-inodes = '
explained >"$tmp/aloud"
t 'and are the defaults' diff "$tmp/silent" "$tmp/aloud"

# example PAGE NUMBER: the literal text of a page's EXAMPLES.
example() {
	awk -v number="$2" '
		/^\.Sh/ { inside = $2 == "EXAMPLES" }
		/^\.Ed/ { show = 0 }
		show { print }
		inside && /^\.Bd -literal/ { show = ++n == number }' "$man/$1"
}

# The third and the fourth are drop-ins to the first.
example carrel.conf.5 1 >"$etc/carrel.conf"
t 'the first example is good' "$build/carrel" check "$etc"
example carrel.conf.5 3 >"$etc/conf.d/50-courses.conf"
t_match 'the third has an assignment' "$(cat "$etc/conf.d/50-courses.conf")" '^@course 101 = '
t 'the third example is good' "$build/carrel" check "$etc"
rm "$etc/conf.d/50-courses.conf"
example carrel.conf.5 4 >"$etc/conf.d/50-run.conf"
t_match 'the fourth allows images' "$(cat "$etc/conf.d/50-run.conf")" '^images = '
t 'the fourth example is good' "$build/carrel" check "$etc"
rm "$etc/conf.d/50-run.conf"
example carrel.conf.5 2 >"$etc/carrel.conf"
t_match 'the second has IDs' "$(cat "$etc/carrel.conf")" '^uids = '
t 'the second example is good' "$build/carrel" check "$etc"

# ---- filters ----

filter_keys() {
	sed -n 's/.*strcmp(l->key, "\([a-z]*\)").*/\1/p' "$src/policy/filter_read.c"
}
t_match 'filters have keys' "$(filter_keys)" '^include$'
t_same 'carrel-filter(5) has every key and no other' \
	"$(sed -n 's/^\.It Ic \([a-z]*\) = .*/\1/p' "$man/carrel-filter.5" | sort)" "$(filter_keys | sort)"

filter_arguments() {
	sed -n 's/^\t{ "\([a-z_]*\)", "\([a-z]*\)", [0-5], [0-9]*, .*/\1.\2/p' "$src/policy/syscall_args.c"
}
t_match 'system calls have arguments' "$(filter_arguments)" '^clone.flags$'
t_same 'carrel-filter(5) has every argument and no other' \
	"$(sed -n '/^The arguments are:/,/^\.Pp/s/^\.Ql \([a-z_]*\.[a-z]*\).*/\1/p' "$man/carrel-filter.5" | sort)" \
	"$(filter_arguments | sort)"

# ---- images ----

manifest_keys() {
	sed -n 's/^\t{ "\([a-z]*\)", \(true\|false\), \(true\|false\), take_.*/\1/p' "$src/helper/image/manifest.c"
}
t_match 'manifests have keys' "$(manifest_keys)" '^digest$'
t_same 'carrel-image(5) has every key and no other' \
	"$(sed -n 's/^\.It Ic \([a-z]*\) = .*/\1/p' "$man/carrel-image.5" | sort)" "$(manifest_keys | sort)"

# ---- a filter ----

example carrel-filter.5 1 >"$etc/filters/lab.filter"
printf '[profile p]\nfilter = lab\n[assign]\n* = p\n' >"$etc/carrel.conf"
t_match 'the example of a filter has rules' "$(cat "$etc/filters/lab.filter")" '^refuse = '
t 'and is good' "$build/carrel" check "$etc"
finish
