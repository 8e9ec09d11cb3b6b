#!/usr/bin/env bash
# Takes one guard away at a time, in a copy of the sources, and looks whether a test notices.
#
#   make mutants                     every patch of this folder
#   tests/mutants/run.sh NAME…       only these
#
# The copy holds what git knows, with changes that are not committed yet. The tests must pass on it before anything is
# taken away; a patch that does not apply or does not compile proves nothing and counts as a failure of this script. A
# patch names the tests that should notice ("Tests:"); all of them are asked only when those do not.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
copy="$root/target/mutants"
# Tests about jobs, credits and rights. What they leave out (protocols, the writer, the client kit) guards other things.
filter='test(races::) | test(laws::) | test(lifecycle::) | test(crashes::) | test(access::)'
# Its own: cargo tells two trees with the same packages not apart by their place, and would take what was built of a mutant
# for what the real sources give.
export CARGO_TARGET_DIR="$copy/target" CARGO_TERM_COLOR=never

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for patch in "$root"/tests/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi

unchanged() {
    rm -rf "$copy/tree"
    mkdir -p "$copy/tree"
    (cd "$root" && git archive "$(git stash create || true)" 2>/dev/null || git archive HEAD) | tar -x -C "$copy/tree"
}

# Builds first, so that a red build is not taken for a red test. The first failure is enough.
tests() {
    cd "$copy/tree"
    if ! cargo nextest run --features faults --test it -E "$2" --no-run >"$copy/build.log" 2>&1; then
        tail -n 30 "$copy/build.log" >&2
        return 3
    fi
    cargo nextest run --features faults --test it --fail-fast -E "$2" >"$copy/$1.log" 2>&1
}

unchanged
echo "the tests pass as they are …"
if ! (tests unchanged "$filter"); then
    tail -n 30 "$copy/unchanged.log" >&2 || true
    echo "They do not: nothing can be proven. See target/mutants/unchanged.log." >&2
    exit 2
fi

survivors=0
for name in "${names[@]}"; do
    patch="$root/tests/mutants/$name.patch"
    if ! grep -q '^Tests: ' "$patch"; then
        echo "$name: the patch does not say which tests should notice (Tests: …)." >&2
        exit 2
    fi
    unchanged
    if ! patch --silent --fuzz=0 --strip=1 --directory="$copy/tree" --no-backup-if-mismatch <"$patch"; then
        echo "$name: the patch does not apply to the code any more; renew it." >&2
        exit 2
    fi
    started=$SECONDS
    set +e
    (tests "$name" "$(sed -n 's/^Tests: //p' "$patch")")
    code=$?
    if [ $code -eq 0 ]; then
        (tests "$name" "$filter")
        code=$?
    fi
    set -e
    case $code in
        0) survivors=$((survivors + 1)); by="NOBODY: it survives" ;;
        3) echo "$name: the changed code does not compile; renew the patch." >&2; exit 2 ;;
        *) by=$(sed -n 's/^ *\(FAIL\|SIGABRT\|SIGKILL\|TIMEOUT\) *\[[^]]*\] *\(([^)]*)\)* *sitewright::it *//p' "$copy/$name.log" | head -n 1)
           if [ -z "$by" ]; then
               tail -n 30 "$copy/$name.log" >&2
               echo "$name: the tests did not run." >&2
               exit 2
           fi ;;
    esac
    printf '%-24s %4d s  caught by %s\n' "$name" $((SECONDS - started)) "$by"
done
[ "$survivors" -eq 0 ] || { echo "$survivors survived." >&2; exit 1; }
