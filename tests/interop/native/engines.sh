#!/bin/sh
# Gets native Godot engines without a display from Debian's own packages, into a directory of their own.
#
#     sh engines.sh DEST                              # godot 4.6 (forky) and godot3-server 3.6 (trixie)
#     sh engines.sh DEST godot4                       # one of them
#     sh engines.sh DEST godot362=godot3-server:forky # NAME=PACKAGE:SUITE
#
# Makes DEST/bin/NAME, which runs the engine with the C library of its own suite: nothing is installed into
# the system, and no chroot, root rights or display are needed. Mirror, proxy and keys are those of the
# machine's apt, which verifies the signatures. Needs apt, dpkg-deb, and `apt-get update` done once.
# What is there is kept; delete DEST/NAME to get it anew.
set -eu

if [ $# -lt 1 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dest=$1
shift
[ $# -gt 0 ] || set -- godot4 godot3
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
    echo "engines.sh: $*" >&2
    exit 1
}

# The address of Debian's main archive, as the machine's apt knows it.
archive() {
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# An apt of our own, with its own lists and an empty list of installed packages, so that every
# dependency is fetched, the C library included.
own_apt() { # HOME SUITE ARGUMENT...
    home=$1
    suite=$2
    shift 2
    mkdir -p "$home/lists/partial" "$home/archives/partial"
    : >"$home/status"
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$home/sources.list"
    apt-get -qq \
        -o Dir::Etc::SourceList="$home/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$home/lists" -o Dir::State::Status="$home/status" \
        -o Dir::State::extended_states="$home/extended_states" \
        -o Dir::Cache="$home" -o Dir::Cache::Archives="$home/archives" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
        -o APT::Install-Recommends=false -o Acquire::Retries=3 \
        -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false \
        "$@"
}

# What an engine needs at run time; graphics drivers are never loaded.
unpack() { # FOLDER-OF-PACKAGES TARGET
    for deb in "$1"/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$2" --no-same-owner --keep-directory-symlink \
            --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*' \
            --exclude='./usr/share/icons*' --exclude='./usr/share/fonts*' --exclude='./usr/share/i18n*' \
            --exclude='*/libLLVM*' --exclude='*/libgallium*' --exclude='*/libz3*'
    done
}

first() { # ROOT PATTERN...: the first file that is there, or nothing
    root=$1
    shift
    for pattern in "$@"; do
        for each in "$root"/$pattern; do
            if [ -e "$each" ]; then
                echo "${each#"$root"/}"
                return
            fi
        done
    done
}

write_starter() { # NAME ROOT
    triplet=$(basename "$(dirname "$(first "$2" 'usr/lib/*-linux-gnu*/libc.so.6')")")
    loader=$(first "$2" "usr/lib/$triplet/ld-linux*.so.*" 'usr/lib64/ld-linux*.so.*' 'lib64/ld-linux*.so.*')
    program=$(first "$2" usr/bin/godot usr/bin/godot3-server)
    [ -n "$loader" ] && [ -n "$program" ] || fail "the packages of $1 hold no engine that this script knows"
    libraries=usr/lib/$triplet
    for each in "$2"/usr/lib/"$triplet"/*/; do # pulseaudio, blas and the like
        [ -z "$(first "$each" '*.so*')" ] || libraries="$libraries usr/lib/$triplet/$(basename "$each")"
    done
    cat >"$dest/bin/$1.part" <<END
#!/bin/sh
root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")/$1
path=
for each in $libraries; do path=\$path:\$root/\$each; done
exec "\$root/$loader" --library-path "\${path#:}" "\$root/$program" "\$@"
END
    chmod +x "$dest/bin/$1.part"
}

get() { # NAME PACKAGE SUITE
    work=$dest/.part/$1
    rm -rf "$dest/${1:?}" "$work"
    mkdir -p "$work/root" "$dest/bin"
    own_apt "$work/apt" "$3" update
    own_apt "$work/apt" "$3" --yes --download-only install "$2"
    unpack "$work/apt/archives" "$work/root"
    write_starter "$1" "$work/root"
    mv "$work/root" "$dest/$1"
    mv "$dest/bin/$1.part" "$dest/bin/$1" # the last step: with it the engine is there
    rm -rf "$dest/.part"
}

mirror=
for wanted in "$@"; do
    case $wanted in
    godot4) wanted=godot4=godot:forky ;;
    godot3) wanted=godot3=godot3-server:trixie ;;
    *=*:*) ;;
    *) fail "what is $wanted? godot4, godot3 or NAME=PACKAGE:SUITE" ;;
    esac
    name=${wanted%%=*}
    source=${wanted#*=}
    if ! [ -x "$dest/bin/$name" ] || ! [ -d "$dest/$name" ]; then
        mkdir -p "$dest"
        dest=$(cd "$dest" && pwd)
        [ -n "$mirror" ] || mirror=$(archive)
        [ -n "$mirror" ] || fail "apt knows no archive of Debian here; run apt-get update first"
        get "$name" "${source%:*}" "${source##*:}"
    fi
    version=$("$dest/bin/$name" --version 2>/dev/null | tail -n 1)
    [ -n "$version" ] || fail "$name does not run: $("$dest/bin/$name" --version 2>&1 | tail -n 3)"
    echo "$name: Godot $version is here: $dest/bin/$name"
done
