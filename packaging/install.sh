#!/bin/sh
# Installs bgdeploy: downloads a release for this machine, compares it with the release's SHA256SUMS, and puts it in its
# place in one step. What is there already stays until then. No root is needed where the prefix can be written.
#
#   sh install.sh [--prefix DIR] [--version vX.Y.Z]     by default /usr/local for root and whoever can write there,
#                                                       else ~/.local
#
#   BGDEPLOY_RELEASES=URL   another place with the same files, for example a mirror
set -eu

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# get URL FILE: shows what the program said when it fails.
get() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 3 -o "$2" "$1" && return 0
  elif command -v wget >/dev/null; then
    wget -O "$2" "$1" >"$work/said" 2>&1 && code=0 || code=$?
    # Busybox has one that would take the checksums, too, from whoever answers.
    ! grep -q 'validation not implemented' "$work/said" || fail 'this wget checks no certificates: install curl'
    [ "$code" != 0 ] || return 0
    grep . "$work/said" | tail -n 3 >&2
  else
    fail 'there is neither curl nor wget: install one of them'
  fi
  fail "cannot get $1; nothing was installed"
}

# As a whole, so that a part of this file does nothing.
main() {
  prefix='' version=''
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) echo 'usage: sh install.sh [--prefix DIR] [--version vX.Y.Z]' && exit ;;
      --prefix=?* | --version=?*) value=${1#*=} ;;
      --prefix | --version) [ -n "${2:-}" ] || fail "$1 takes a value" && value=$2 ;;
      *) fail "there is no option $1; there are --prefix DIR and --version vX.Y.Z" ;;
    esac
    case $1 in --prefix*) prefix=$value ;; --version*) version=v${value#v} ;; esac
    case $1 in *=*) shift ;; *) shift 2 ;; esac
  done

  case $(uname -s)-$(uname -m) in
    Linux-x86_64) asset=bgdeploy-linux-amd64 ;;
    Linux-aarch64) asset=bgdeploy-linux-arm64 ;;
    Linux-*) fail "there is no release for $(uname -m), only for amd64 and arm64" ;;
    *) fail "bgdeploy runs on Linux, and this is $(uname -s): install it in a container or on a Linux machine" ;;
  esac
  command -v sha256sum >/dev/null || fail 'there is no sha256sum to verify with: install coreutils'
  if [ -z "$prefix" ]; then
    prefix=/usr/local
    [ "$(id -u)" = 0 ] || [ -w $prefix/bin ] || prefix=${HOME:?is not set: name a --prefix}/.local
  fi
  base=${BGDEPLOY_RELEASES:-https://github.com/OWNER/bgdeploy/releases}
  if [ -n "$version" ]; then base=$base/download/$version; else base=$base/latest/download; fi

  # In the folder of the target, so that a rename puts it in its place.
  mkdir -p "$prefix/bin" || fail "cannot make $prefix/bin: become root, or name another --prefix"
  prefix=$(CDPATH='' cd -- "$prefix" && pwd)
  [ ! -d "$prefix/bin/bgdeploy" ] || fail "$prefix/bin/bgdeploy is a folder: move it away, or name another --prefix"
  work=$(mktemp -d "$prefix/bin/.bgdeploy-XXXXXX") ||
    fail "cannot write in $prefix/bin: become root, or name another --prefix"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP

  get "$base/SHA256SUMS" "$work/SHA256SUMS"
  get "$base/$asset" "$work/$asset"
  wanted=$(sed -n "s/^\([0-9a-f]*\) [ *]$asset\$/\1/p" "$work/SHA256SUMS")
  actual=$(sha256sum "$work/$asset" | cut -d ' ' -f 1)
  [ "${actual:-?}" = "$wanted" ] ||
    fail "the checksum of $base/$asset is $actual, not ${wanted:-listed}; nothing was installed"
  chmod 755 "$work/$asset"
  said=$("$work/$asset" --version) || fail "$asset does not run on this machine; nothing was installed"
  mv -f "$work/$asset" "$prefix/bin/bgdeploy"
  printf '%s is %s/bin/bgdeploy\n' "$said" "$prefix"
  first=$(command -v bgdeploy) || first=
  if [ -z "$first" ]; then
    printf 'Add %s/bin to PATH.\n' "$prefix"
  elif [ "$(CDPATH='' cd -- "${first%/*}" && pwd -P)" != "$(CDPATH='' cd -- "$prefix/bin" && pwd -P)" ]; then
    printf '%s comes first in PATH: remove it, or put %s/bin before it.\n' "$first" "$prefix"
  fi
}

main "$@"
