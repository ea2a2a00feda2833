#!/bin/sh
# SPDX-License-Identifier: MIT
# Which directories are ours to fill and to clear.
#
#	output.sh claim DIR	a new or empty directory becomes a build directory
#	output.sh clean DIR	clears it but for the configuration
#	output.sh mrproper DIR	removes it
#
# A build directory has a marker, which claim puts there; nothing is cleared
# without it. What lies below one belongs to it. Complaints go to stderr, in
# one line.

marker=.cairn-build
accepted=include/config/accepted.json	# of an earlier build, without a marker
dir=$2

refuse() {
	echo "O=$dir: $*" >&2
	exit 1
}

# Nothing but, perhaps, a configuration that somebody brought.
fresh() {
	test -z "$(find "$dir" -mindepth 1 -maxdepth 1 ! -name .config)"
}

below_a_build_directory() {
	above=$(dirname "$dir")
	while test "$above" != /; do
		test ! -e "$above/$marker" || return 0
		above=$(dirname "$above")
	done
	return 1
}

claim() {
	test ! -e "$dir/$marker" || test ! -w "$dir" || return 0
	test -d "$dir" || test ! -e "$dir" || refuse "this is no directory"
	mkdir -p "$dir" 2>/dev/null || refuse "this directory cannot be made"
	fresh || test -e "$dir/$accepted" || below_a_build_directory ||
		refuse "there are files in it that are not of a build; name another directory"
	{ : >"$dir/$marker"; } 2>/dev/null || refuse "nothing can be written there"
}

is_ours() {
	test -e "$dir" || exit 0
	test -e "$dir/$marker" ||
		refuse "there is no $marker in it, so it is not cleared; remove it by hand"
}

case $1 in
claim)
	claim ;;
clean)
	is_ours
	find "$dir" -mindepth 1 -maxdepth 1 ! -name .config ! -name "$marker" ! -name include \
		-exec rm -rf {} + &&
	if test -d "$dir/include"; then	# accepted.json knows whose wish each line is
		find "$dir/include" -type f ! -path "$dir/$accepted" -exec rm -f {} +
	fi ;;
mrproper)
	is_ours
	rm -rf "$dir" ;;
esac
