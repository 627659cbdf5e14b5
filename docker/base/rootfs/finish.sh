#!/bin/sh
# Customize hook of mmdebstrap: $1 is the new root. Takes out what came from the building machine.
set -eu
root=$1

# The host's names and its apt options.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/apt/apt.conf.d/99mmdebstrap"

# What installing left behind.
find "$root/var/cache" "$root/var/log" "$root/var/lib/apt/lists" -type f -delete

# glibc's rarer character sets: a package of their own from Debian 13 on. Java and Python bring their own.
for sets in "$root"/usr/lib/*/gconv; do
    kept=$(awk '$1 == "module" { print $4 ".so" }' "$sets/gconv-modules")
    find "$sets" -name '*.so' -printf '%f\n' | grep -vxF "$kept" | sed "s|^|$sets/|" | xargs rm
    rm "$sets"/gconv-modules.d/*
done
chroot "$root" iconvconfig

# Debian's own sources, as the apt package ships them, in place of the host's mirror.
rm -rf "$root"/etc/apt/sources.list.d/*
grep '^deb ' "$root/usr/share/doc/apt/examples/sources.list" > "$root/etc/apt/sources.list"
rm -rf "$root/usr/share/doc/apt/examples"

# A package installed later in a derived image leaves out manuals and translations too.
mv "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/slim"
sed -i '/^#/d' "$root/etc/dpkg/dpkg.cfg.d/slim"
cat > "$root/etc/apt/apt.conf.d/slim" <<'CONF'
APT::Install-Recommends "false";
APT::Install-Suggests "false";
Acquire::Languages "none";
CONF
