# shellcheck shell=bash
# Sourced after lib.sh: bare Debian systems in folders under .cache/debian, which hold what a new machine would. As root.

# The Debian that has a PostgreSQL.
suite_of() {
  case $1 in
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo forky ;;
    *) die "no Debian has PostgreSQL $1" ;;
  esac
}

# The mirror that this machine uses.
debian_mirror() {
  local mirror
  mirror=$({ grep -rhoE '^(URIs: *|deb +(\[[^]]*\] *)?)https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true; } |
    grep -oE 'https?://[^ ]+' | head -1) || true
  echo "${mirror:-http://deb.debian.org/debian}"
}

# Makes a bare Debian, where there is none yet: make_root SUITE FOLDER
make_root() {
  local suite=$1 root=$2 part=$2.part script=/usr/share/debootstrap/scripts/$1
  if [[ ! -d $root ]]; then
    command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap debian-archive-keyring; } >/dev/null
    echo "${0##*/}: making a Debian $suite in ${root#"$top/"}"
    [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid
    rm -rf --one-file-system "$part"
    mkdir -p "$(dirname "$root")"
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$part" "$(debian_mirror)" "$script" >"$scratch/debootstrap.log" 2>&1 ||
      { tail -20 "$scratch/debootstrap.log" >&2; die 'debootstrap failed'; }
    echo 'Acquire::Check-Valid-Until "false";' >"$part/etc/apt/apt.conf.d/99mirror"     # a mirror may lag
    mv "$part" "$root"
  fi
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
}

# Several PostgreSQLs side by side, each from the Debian that has it: add_postgresqls ROOT MAJOR …
add_postgresqls() {
  local root=$1 major suite missing=(); shift
  for major; do
    [[ ! -x $root/usr/lib/postgresql/$major/bin/pg_upgrade || ! -d $root/usr/include/postgresql/$major/server ]] || continue
    missing+=("postgresql-$major" "postgresql-server-dev-$major")
    suite=$(suite_of "$major")
    ! grep -qx "VERSION_CODENAME=$suite" "$root/etc/os-release" || continue
    echo "deb $(debian_mirror) $suite main" >"$root/etc/apt/sources.list.d/$suite.list"
    printf '%s\n' 'Package: *' "Pin: release n=$suite" 'Pin-Priority: 100' >"$root/etc/apt/preferences.d/$suite"
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  # shellcheck disable=SC2016
  in_root "$root" sh -c '
    mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh "${missing[@]}"
}

# The tree as it is, new files included, in the root's /root/project; the other's builds and npm packages stay. All files are new to make
# (-m): what was changed here while a build went on there would seem older than what was built.
copy_tree() {
  local root=$1
  mkdir -p "$root/root/project"
  find "$root/root/project" \( -name .cache -o -name node_modules \) -prune -o ! -type d -exec rm -f {} +
  (cd "$top" && { git ls-files -co --exclude-standard | while read -r file; do [[ ! -e $file ]] || echo "$file"; done; } |
    tar -cf - -T -) | tar -xmf - -C "$root/root/project" --no-same-owner
}

# Runs a command in it; processes and mounts end with it: in_root ROOT COMMAND …
in_root() {
  # shellcheck disable=SC2016
  as_job unshare --mount --pid --fork --kill-child bash -c '
    root=$1; shift
    mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/dev/shm" &&
      exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt chroot "$root" "$@"' bash "$@"
}
