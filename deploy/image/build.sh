#!/bin/sh
# Makes an image of the Open Container Initiative (image-spec 1.1) with the program, the libraries that it needs,
# certificates of public authorities, and nothing else: no shell, no package manager.
#
#   deploy/image/build.sh PROGRAM ARCHIVE.tar [TAG]
#   deploy/image/build.sh --root PROGRAM FOLDER      # the files of the image alone
#
# `podman load -i ARCHIVE.tar`, `skopeo copy oci-archive:ARCHIVE.tar docker://...` and `ctr image import` take the
# archive. The same files make the same archive, bit by bit.
set -eu

# 1980: what formats without a sign can say.
MODIFIED=@315532800

main() {
    if [ "${1:-}" = --root ]; then
        [ $# -eq 3 ] || usage
        files "$2" "$3"
        return
    fi
    [ $# -ge 2 ] || usage
    program=$1 archive=$2 tag=${3:-tlsight:latest}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    files "$program" "$work/root"
    image "$work" "$tag"
    pack "$work/image" >"$archive"
    echo "$archive: $tag, $(du -h "$archive" | cut -f 1)" >&2
}

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# The files of the image.
files() {
    root=$2
    mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/var/lib/tlsight" "$root/var/log/tlsight"
    cp "$1" "$root/usr/bin/tlsight"
    if command -v strip >/dev/null 2>&1; then strip "$root/usr/bin/tlsight"; fi
    # Its interpreter and libraries, where it looks for them.
    ldd "$root/usr/bin/tlsight" | grep -o '/[^ ]*' | sort -u | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
    # What the C library loads by name to look names up.
    for library in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
        found=$(find /lib/*-linux-gnu /usr/lib/*-linux-gnu -name "$library" 2>/dev/null | head -n 1)
        [ -z "$found" ] || { mkdir -p "$root$(dirname "$found")" && cp -L "$found" "$root$found"; }
    done
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    printf '%s\n' root:x:0:0:root:/root:/sbin/nologin \
        tlsight:x:65532:65532:tlsight:/var/lib/tlsight:/sbin/nologin >"$root/etc/passwd"
    printf '%s\n' root:x:0: tlsight:x:65532: >"$root/etc/group"
    chmod 1777 "$root/tmp"
}

# The layout of the image in the folder `image`.
image() {
    mkdir -p "$1/image/blobs/sha256"
    pack "$1/root" >"$1/layer.tar"
    diff_id=$(digest "$1/layer.tar")
    gzip -9n "$1/layer.tar"
    case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
    esac
    cat >"$1/config" <<JSON
{"architecture":"$architecture","os":"linux","config":{"Entrypoint":["/usr/bin/tlsight"],"Cmd":["--help"],"WorkingDir":"/var/lib/tlsight","Env":["PATH=/usr/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]}}
JSON
    layer=$(blob "$1" "$1/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip)
    config=$(blob "$1" "$1/config" application/vnd.oci.image.config.v1+json)
    cat >"$1/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":$config,"layers":[$layer]}
JSON
    manifest=$(blob "$1" "$1/manifest" application/vnd.oci.image.manifest.v1+json)
    cat >"$1/image/index.json" <<JSON
{"schemaVersion":2,"manifests":[${manifest%\}},"annotations":{"org.opencontainers.image.ref.name":"$2","io.containerd.image.name":"$2"}}]}
JSON
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/image/oci-layout"
}

# Puts a file among the blobs, and prints its descriptor.
blob() {
    sum=$(digest "$2")
    cp "$2" "$1/image/blobs/sha256/$sum"
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$3" "$sum" "$(wc -c <"$2")"
}

digest() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# A folder as an archive that says nothing of when and by whom it was made.
pack() {
    tar --create --directory "$1" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="$MODIFIED" .
}

main "$@"
