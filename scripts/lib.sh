# What the bash scripts of this folder share: where the tree is, and how they talk to people.
# Sourced, never run:   source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
#
# Results go to stdout; progress and errors go to stderr. An error is one line that says what was
# expected, what was found and what to do. Exit codes: 0 done, 1 failed, 2 wrong usage.
# shellcheck shell=bash

# shellcheck disable=SC2034  # read by the scripts that source this file
STARLING_ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
SCRIPT_NAME="$(basename -- "$0")"

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "$SCRIPT_NAME" "$*" >&2
  exit 1
}

usage_error() {
  printf '%s: %s; see scripts/%s --help\n' "$SCRIPT_NAME" "$*" "$SCRIPT_NAME" >&2
  exit 2
}

# need_value FLAG COUNT_OF_ARGUMENTS_LEFT: a flag that takes a value must have one behind it.
need_value() {
  (($2 >= 2)) || usage_error "$1: expected a value, found the end of the line"
}

# The header comment of the calling script (from line 2 to the first line that is no comment) is its --help.
print_help() {
  sed -n -e '2,${ /^#/!q; s/^# \{0,1\}//; p; }' -- "$0"
}

# whole_number TEXT: decimal, no sign, no leading zero, at most 7 digits, so that arithmetic never surprises.
whole_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,6})$ ]]; }

# A build folder given by the caller may be relative to where the caller stands.
absolute_path() {
  case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s\n' "$PWD/$1" ;;
  esac
}

# Prints those of its arguments that dpkg does not list as installed.
missing_of() {
  local installed package
  installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' -- "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $installed == *" installed:$package "* ]] || printf '%s\n' "$package"
  done
}

# as_root COMMAND...: runs it directly as root, else through sudo.
as_root() {
  if ((EUID == 0)); then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo -- env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}
