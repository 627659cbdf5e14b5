#!/bin/sh
# Customize hook of mmdebstrap. $1 is the new root. Removes traces of the build machine, and files that no image needs.
set -eu
root=$1

# The host's name, name servers and apt options.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/apt/apt.conf.d/99mmdebstrap"

# Files that the installation left behind.
find "$root/var/cache" "$root/var/log" "$root/var/lib/apt/lists" -type f -delete

# glibc's rare character sets. Java and Python have their own.
for sets in "$root"/usr/lib/*/gconv; do
    kept=$(awk '$1 == "module" { print $4 ".so" }' "$sets/gconv-modules")
    find "$sets" -name '*.so' -printf '%f\n' | grep -vxF "$kept" | sed "s|^|$sets/|" | xargs rm
    rm "$sets"/gconv-modules.d/*
done
chroot "$root" iconvconfig

# Debian's own package sources, taken from the apt package, replace the host's mirror. From Debian 13 on, the package has
# them in another format. They become lines of sources.list, because a build replaces only that file by its own sources.
rm -rf "$root"/etc/apt/sources.list.d/*
examples=$root/usr/share/doc/apt/examples
if [ -f "$examples/debian.sources" ]; then
    awk -F ': ' '{ value[$1] = $2 } $1 == "Signed-By" {
        count = split(value["Suites"], suites, " ")
        for (i = 1; i <= count; i++)
            print "deb [signed-by=" $2 "]", value["URIs"], suites[i], value["Components"]
    }' "$examples/debian.sources" > "$root/etc/apt/sources.list"
else
    grep '^deb ' "$examples/sources.list" > "$root/etc/apt/sources.list"
fi
grep -q '^deb ' "$root/etc/apt/sources.list"
rm -rf "$examples"

# Packages that a derived image installs omit manuals and translations too.
mv "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/slim"
sed -i '/^#/d' "$root/etc/dpkg/dpkg.cfg.d/slim"
cat > "$root/etc/apt/apt.conf.d/slim" <<'CONF'
APT::Install-Recommends "false";
APT::Install-Suggests "false";
Acquire::Languages "none";
CONF
