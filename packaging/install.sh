#!/bin/sh
# Installs bgdeploy: downloads a release for this machine, compares it with the release's SHA256SUMS, and puts it in its
# place in one step. What is there already stays until then. No root is needed where the prefix can be written.
#
#   sh install.sh [--prefix DIR] [--version vX.Y.Z]     by default /usr/local, or ~/.local where that cannot be written
#
#   BGDEPLOY_RELEASES=URL   another place with the same files, for example a mirror
set -eu

releases=${BGDEPLOY_RELEASES:-https://github.com/OWNER/bgdeploy/releases}
prefix='' version=''
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --version) [ $# -gt 1 ] || fail "$1 takes a value" ;;
    *) fail "there is no option $1; there are --prefix DIR and --version vX.Y.Z" ;;
  esac
  case $1 in --prefix) prefix=$2 ;; --version) version=$2 ;; esac
  shift 2
done

case $(uname -s)-$(uname -m) in
  Linux-x86_64) asset=bgdeploy-linux-amd64 ;;
  Linux-aarch64) asset=bgdeploy-linux-arm64 ;;
  *) fail "there is no release for $(uname -sm)" ;;
esac
if [ -z "$prefix" ]; then
  prefix=/usr/local
  [ -w $prefix/bin ] || prefix=$HOME/.local
fi
if [ -n "$version" ]; then base=$releases/download/$version; else base=$releases/latest/download; fi

# In the folder of the target, so that a rename puts it in its place.
mkdir -p "$prefix/bin" || fail "cannot make $prefix/bin: name another --prefix"
work=$(mktemp -d "$prefix/bin/.bgdeploy-XXXXXX") || fail "cannot write in $prefix/bin: name another --prefix"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fetch() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 3 -o "$work/$1" "$base/$1" || fail "cannot get $base/$1"
  else
    wget -q -O "$work/$1" "$base/$1" || fail "cannot get $base/$1"
  fi
}
fetch SHA256SUMS
fetch $asset
wanted=$(awk -v name=$asset '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
actual=$(sha256sum "$work/$asset" | cut -d ' ' -f 1)
[ "${actual:-?}" = "$wanted" ] || fail "the checksum of $asset is $actual, not ${wanted:-listed}; nothing was installed"
chmod 755 "$work/$asset"
said=$("$work/$asset" --version) || fail "$asset does not run on this machine; nothing was installed"
mv -f "$work/$asset" "$prefix/bin/bgdeploy"
printf '%s is %s/bin/bgdeploy\n' "$said" "$prefix"
case :$PATH: in *:"$prefix/bin":*) ;; *) printf 'Add %s/bin to PATH.\n' "$prefix" ;; esac
