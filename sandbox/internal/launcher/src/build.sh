#!/bin/sh
# Builds launcher_amd64 and launcher_arm64, byte for byte the committed ones, with Debian 12's gcc and binutils.
# An argument names another directory to write to.
set -e
cd "$(dirname "$0")"
to=${1:-..}
build() { # compiler, Go's name of the architecture
	"$1" -Os -std=c11 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pic -no-pie \
		-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-ident \
		-fno-tree-loop-distribute-patterns \
		-Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,noseparate-code -Wl,-s \
		-o "$to/launcher_$2" launcher.c
}
for arch in ${ARCHES:-amd64 arm64}; do
	case $arch in
	amd64) build x86_64-linux-gnu-gcc amd64 ;;
	arm64) build aarch64-linux-gnu-gcc arm64 ;;
	esac
done
