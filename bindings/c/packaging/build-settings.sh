# Owns: what the scripts of libvial and its installation share: folders, tools, compiler flags. Sourced with bash from
# the project's folder. Must not: do anything.
swift=${SWIFT:-swift}
cc=${CC:-gcc}
scratch=$PWD/.build-libvial
# The number in the SONAME, which is not VIAL_ABI_VERSION: until 1.0 it stays 0.
soname=0
inputs=$scratch/inputs
distribution=$PWD/bindings/c/packaging
fail() { echo "${0##*/}: $*" >&2; exit 1; }
target_information=$("$swift" -print-target-info)
target_says() { sed -n "s/^ *\"$1\": *\"\(.*\)\",\{0,1\}$/\1/p" <<< "$target_information"; }
resources=$(target_says runtimeResourcePath)
tools=$resources/../../bin
runtime=${resources}_static/$(target_says platform)
[ -f "$runtime/libswiftCore.a" ] || fail "no static Swift runtime in $runtime"
# What the compilers offer against attacks on memory: Tests/ABI/hardened looks whether it is there. Control flow is marked in
# C only: Swift's compiler has no such marks, so that the linked library cannot claim them.
hardening=(-fstack-protector-strong -D_FORTIFY_SOURCE=2)
case $(target_says arch) in
  x86_64) hardening+=(-fcf-protection=full) ;;
  aarch64) hardening+=(-mbranch-protection=standard) ;;
esac
# Folders leave no trace: the same sources give the same bytes wherever they are.
hardening+=("-ffile-prefix-map=$PWD=.")
swift_version=$("$swift" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -1)
[ -n "$swift_version" ] || fail "$swift does not tell its version"
for_c=()
for flag in "${hardening[@]}" "-DVIAL_SWIFT_VERSION=\"$swift_version\""; do for_c+=(-Xcc "$flag"); done
# Equal for library and command, so that neither compiles what the other did. The archives' folder comes first: the
# linker takes the first folder that has a library in any form.
# Tasks are for Swift hosts: without them the library needs no dispatch, which has threads and signals of its own.
build_flags=(-c release --scratch-path "$scratch" -Xswiftc -DVIAL_WITHOUT_CONCURRENCY -Xswiftc -static-stdlib -Xswiftc -use-ld=lld
  -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections -Xcc -fdata-sections
  "${for_c[@]}" -Xswiftc -file-prefix-map -Xswiftc "$PWD=." -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now
  --disable-local-rpath -Xlinker -L"$scratch/archives" -Xlinker --gc-sections)
# Symbols that the Swift runtime must not find: the host's environment, and other people's code (environment.c). And
# allocation, behind which there is a reserve (allocation.c).
wraps=(--wrap=getenv --wrap=environ --wrap=__environ --wrap=dlopen)
wraps+=(--wrap=malloc --wrap=calloc --wrap=realloc --wrap=aligned_alloc --wrap=posix_memalign --wrap=malloc_usable_size
  --wrap=free)
# Links objects with what build-library collected: link_library OUTPUT OBJECT...
link_library() {
  "$tools/clang" -shared -fuse-ld=lld -o "$1" "${@:2}" -Wl,--start-group "$inputs"/*.a -Wl,--end-group -lm \
    -Wl,--version-script=bindings/c/packaging/exports.map,-soname=libvial.so.$soname,-Bsymbolic,-z,nodelete,-z,now,-z,relro \
    "${wraps[@]/#/-Wl,}" -Wl,--gc-sections,--hash-style=gnu
}
symbols=$(sed -n 's/^ *\(vial_[a-z0-9_]*\);$/\1/p' bindings/c/packaging/exports.map)
