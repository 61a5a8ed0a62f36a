#!/bin/sh
# The C core under the sanitizers: AddressSanitizer and UndefinedBehaviorSanitizer over the engine's tests, once with
# every kernel, and under calls of the fuzzer; and core_driver.c, which needs no Python, for leaks and, under ThreadSanitizer, for races.
#
#     sh tests/sanitizers.sh BIN [options of pytest]
#
# BIN is the folder of the python and pytest to use. Needs gcc, whose libasan is loaded before Python.
set -eu
bin=$1
shift
cd "$(dirname "$0")/.."
work=$PWD/build/sanitizers
rm -rf "$work"
mkdir -p "$work/asan" "$work/tsan" "$work/python"
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

core="csrc/*.c csrc/variants/*.c"
asan="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
tsan="-fsanitize=thread"
wrap="-std=gnu11 -g -Wall -Wextra -Werror -Wl,--wrap=malloc,--wrap=calloc,--wrap=pthread_create"

compile() { # into folder, with flags, sources
    into=$1 flags="-std=gnu11 -g -O1 -ffp-contract=fast -fno-math-errno -Wall -Wextra -Werror -fPIC -Icsrc $2"
    shift 2
    printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c "gcc $flags -c {} -o $into/\$(basename {} .c).o"
}

echo "compiling"
compile "$work/asan" "$asan" $core
compile "$work/tsan" "$tsan" $core
gcc $asan $wrap -Icsrc tests/engine/core_driver.c "$work"/asan/*.o -lm -lpthread -o "$work/driver-asan"
gcc $tsan $wrap -Icsrc tests/engine/core_driver.c "$work"/tsan/*.o -lm -lpthread -o "$work/driver-tsan"
cp -Rp lstm_ext "$work/python"
rm -f "$work"/python/lstm_ext/engine/_core*
"$bin/python" - "$work" <<'END'
import sys
sys.path.insert(0, "csrc")
from build_core import ffi
ffi.emit_c_code(sys.argv[1] + "/_core.c")
END
headers=$("$bin/python" -c "import sysconfig; print(sysconfig.get_path('include'))")
gcc $asan -shared -fPIC -Icsrc "-I$headers" "$work/_core.c" "$work"/asan/*.o -lm -lpthread \
    -o "$work/python/lstm_ext/engine/_core.abi3.so"

export PYTHONPATH="$work/python" PYTHONMALLOC=malloc OPENBLAS_NUM_THREADS=1
libraries="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
kernels=$(cd "$work" && LD_PRELOAD=$libraries ASAN_OPTIONS=detect_leaks=0 "$bin/python" -c "
from lstm_ext.engine import core
assert core.__file__.startswith('$work'), core.__file__
print(*core.kernels())")

for kernel in $kernels; do
    echo "core_driver, $kernel"
    ASAN_OPTIONS=detect_leaks=1 "$work/driver-asan" $kernel
    "$work/driver-tsan" $kernel
done

# What Python itself leaves behind would drown leaks of the core. Tests of the NumPy twin have no business here.
export LSTM_LAB_BACKEND=c ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
for kernel in $kernels; do
    echo "tests, $kernel"
    tests="tests/engine/test_[blmos]*.py tests/nn/test_functional.py"
    if [ "$kernel" = portable ]; then
        tests="$tests tests/engine/test_hypothesis.py tests/golden/test_engines.py" # they take every kernel by themselves
    fi
    LSTM_LAB_KERNEL=$kernel LD_PRELOAD=$libraries "$bin/pytest" -q -o pythonpath="$work/python tests" --numprocesses auto -p no:cacheprovider -k "not numpy" $tests "$@"
done
# Some calls of the fuzzer with each; FUZZ_CALLS says how many.
for kernel in $kernels; do
    echo "fuzz, $kernel"
    LSTM_LAB_KERNEL=$kernel LD_PRELOAD=$libraries "$bin/python" tests/fuzz --calls "${FUZZ_CALLS:-500}" --seconds 120
done
echo "nothing found with the kernels: $(echo $kernels)"
