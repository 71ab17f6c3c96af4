# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: where things are, what has to go at the end, and a PostgreSQL of our own.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$top/.cache
pg_config=${PG_CONFIG:-pg_config}
unset "${!PG@}"                     # neither PGHOST nor PGPORT: every server here is our own
unset CDPATH
export LANG=C.UTF-8 LC_ALL=C.UTF-8
umask 022

die() { echo "${0##*/}: $*" >&2; exit 1; }
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit "${1:-0}"; }

# PostgreSQL does not run as root: root's servers and their tests run as another user, by way of this prefix; and in
# another folder, since that user need not be able to read the one that we are called from.
as_tester=()
tester=$(id -un)
if [[ $(id -u) -eq 0 ]]; then
  tester=$(id -un postgres 2>/dev/null || echo nobody)
  as_tester=(setpriv --reuid="$tester" --regid="$(id -gn "$tester")" --init-groups env --chdir=/ HOME=/tmp)
fi

# One folder holds whatever a run makes outside the checkout; the tester owns it, and it goes at the end, come what may.
make_scratch() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/dynamodb_es.XXXXXX")
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  export TMPDIR=$scratch ENGINE_STATE=$scratch/engines
  [[ $(id -u) -ne 0 ]] || chown "$tester" "$scratch"
  chmod 755 "$scratch"
}

cleanup() {
  local status=$? pid file
  trap '' INT TERM HUP
  trap - EXIT
  [[ -z $job ]] || { kill -- "-$job"; wait "$job"; } 2>/dev/null || true
  [[ ${#children[@]} -eq 0 ]] || { kill "${children[@]}"; wait "${children[@]}"; } 2>/dev/null || true
  find "$scratch" -name postmaster.pid 2>/dev/null | while read -r file; do
    pid=$(head -1 "$file" 2>/dev/null) || continue
    if kill -QUIT "${pid:-none}" 2>/dev/null; then until_gone "$pid"; fi
  done
  stop_engines
  rm -rf "$scratch" || { sleep 1; rm -rf "$scratch"; }   # a dying server may still have written into it
  exit "$status"
}

# Waits, ten seconds at most, until a process that is not our child has ended.
until_gone() {
  local tick
  for ((tick = 0; tick < 200; tick++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.05
  done
  kill -9 "$1" 2>/dev/null || true
}

# Runs a command as a job with a process group of its own, so that the traps above act at once and end all of it.
job=
children=()                         # scripts of ours in the background, which clean up themselves
as_job() {
  local status=0
  set -m
  "$@" </dev/null &
  job=$!
  set +m
  wait "$job" || status=$?
  job=
  return "$status"
}

# Engines run as whoever runs the script: the tester need not be able to read the checkout.
start_engine() { endpoint=$("$top/test/engines/engine" start "$1"); }
stop_engines() { "$top/test/engines/engine" stop; }

pg_dir() { "$pg_config" "--$1"; }
pg_major() { "$pg_config" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }
pgxs_test() { echo "$(dirname "$(pg_dir pgxs)")/../test/$1"; }

# Compiles into .cache, beside the builds of other compilers and PostgreSQL versions: build gcc
build() {
  compiler=$1 built=$cache/build/$1-$(pg_major)
  mkdir -p "$built"
  make --no-print-directory -C "$built" -f "$top/Makefile" -j "$(nproc)" CC="$1" WERROR=1 PG_CONFIG="$pg_config"
}

# A PostgreSQL with the extension, in the scratch folder, the system's own being left as it is. It finds its files by where
# its programs are, so these are copied; everything else is linked. Sets pgbin.
temp_install() {
  local root=$scratch/install bindir sharedir libdir
  bindir=$(pg_dir bindir) sharedir=$(pg_dir sharedir) libdir=$(pg_dir pkglibdir)
  mkdir -p "$root$bindir" "$root$sharedir/extension" "$root$libdir"
  cp -L "$bindir"/* "$root$bindir/"
  ln -s "$libdir"/* "$root$libdir/"
  find "$sharedir" -mindepth 1 -maxdepth 1 ! -name extension -exec ln -s -t "$root$sharedir" {} +
  ln -s "$sharedir"/extension/* "$root$sharedir/extension/"
  rm -f "$root$libdir/dynamodb_es.so" "$root$sharedir/extension/dynamodb_es"*
  make --no-print-directory -C "$built" -f "$top/Makefile" CC="$compiler" PG_CONFIG="$pg_config" DESTDIR="$root" install
  pgbin=$root$bindir
}

# The tests in $scratch/src, as the tester may read them; and an environment in which they do not find the developer's own identity.
copy_tests() {
  local dir
  mkdir -p "$scratch/src"
  for dir in sql expected t test doc script bench README.md CONTRIBUTING.md CHANGELOG.md LICENSE META.json; do
    [[ ! -e $top/$dir ]] || (cd "$top" && tar --exclude=node_modules --exclude=build -cf - "$dir") | tar -xf - -C "$scratch/src" --no-same-owner
  done
  [[ $(id -u) -ne 0 ]] || chown -R "$tester" "$scratch/src"
  unset "${!AWS_@}"
  export AWS_EC2_METADATA_DISABLED=true
}

# Runs t/NAME.pl on the engine that was started: prove_tap NAME ENGINE FOLDER [PREFIX OF THE COMMAND …]
prove_tap() {
  local name=$1 engine=$2 dir=$3; shift 3
  "${as_tester[@]}" mkdir "$dir"
  as_job "${as_tester[@]}" "$@" env --chdir="$scratch/src" PATH="$pgbin:$PATH" PG_REGRESS="$(pgxs_test regress/pg_regress)" TMPDIR="$scratch" \
    TESTDIR="$dir" TESTDATADIR="$dir/tmp_check" TESTLOGDIR="$dir/tmp_check/log" \
    DYNAMODB_ENDPOINT="$endpoint" DYNAMODB_ENGINE="$engine" \
    prove --verbose --merge -I "$(pgxs_test perl)" -I t "t/$name.pl"
}

# A throw-away server on a socket in the scratch folder, in which the tester is superuser: start_postgres [SETTING=VALUE …].
# Sets PGHOST, PGPORT, PGUSER and PGDATABASE for psql.
start_postgres() {
  local data=$scratch/data setting options="-c listen_addresses= -c fsync=off -k $scratch"
  for setting in "$@"; do options+=" -c $setting"; done
  "${as_tester[@]}" "$pgbin/initdb" --no-sync --no-locale --encoding=UTF8 --auth=trust -D "$data" >"$scratch/initdb.log" ||
    { cat "$scratch/initdb.log" >&2; die 'initdb failed'; }
  # shellcheck disable=SC2086
  "${as_tester[@]}" "$pgbin/pg_ctl" -D "$data" -w -s -l "$scratch/postgres.log" -o "$options" start ||
    { cat "$scratch/postgres.log" >&2; die 'PostgreSQL did not start'; }
  export PGHOST=$scratch PGPORT=5432 PGUSER=$tester PGDATABASE=postgres
}
