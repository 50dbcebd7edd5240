# shellcheck shell=bash
# Sourced by the other scripts: sees to it that what the build needs is there.
#
# llama.cpp is C++ built with CMake, and its bindings are made with libclang. What is missing is
# installed with the system's package manager; what cannot be installed is named, with the way to get it.

readonly RUST_NEEDED=1.95
# $HOME/.cargo/bin is where rustup puts cargo; a fresh installation is not in PATH yet.
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

say() { printf 'llmdeck: %s\n' "$*" >&2; }

give_up() {
    say "$@"
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Where bindgen looks: LIBCLANG_PATH when it is set, else the places systems use.
has_libclang() {
    local file
    for file in ${LIBCLANG_PATH:+"$LIBCLANG_PATH"/libclang*} ${LIBCLANG_PATH:+"$LIBCLANG_PATH"}; do
        [[ -f $file ]] && return 0
    done
    for file in /usr/lib{,64}{,/*}/libclang{.so,-*.so}* /usr/{,local/}lib/llvm*/lib{,64}/libclang{.so,-*.so}* \
        /usr/local/lib{,64}/libclang{.so,-*.so}* /{opt/homebrew,usr/local}/opt/llvm/lib/libclang.dylib \
        /Library/Developer/CommandLineTools/usr/lib/libclang.dylib; do
        # The part for C++ alone (libclang-cpp) is another library.
        [[ -f $file && $file != *libclang-cpp* ]] && return 0
    done
    return 1
}

# clang's own headers (stddef.h and the like), which libclang alone does not bring.
has_clang_headers() {
    local file
    has clang && return 0
    [[ -n ${LIBCLANG_PATH:-} ]] && return 0
    for file in /usr/lib{,64}/clang/*/include/stddef.h /usr/lib/llvm*/lib/clang/*/include/stddef.h; do
        [[ -f $file ]] && return 0
    done
    return 1
}

# Names of what is missing, one a line: compiler, cmake, make, libclang.
missing_tools() {
    { has c++ || has g++ || has clang++; } && has cc || echo compiler
    has cmake || echo cmake
    has make || echo make
    has_libclang && has_clang_headers || echo libclang
}

package_manager() {
    local name
    for name in apt-get dnf pacman zypper brew; do
        if has "$name"; then
            echo "$name"
            return
        fi
    done
}

# The packages of a manager for a tool: package_names MANAGER TOOL.
package_names() {
    case $1:$2 in
        apt-get:compiler) echo g++ ;;
        apt-get:libclang) echo clang libclang-dev ;;
        dnf:compiler | zypper:compiler) echo gcc-c++ ;;
        dnf:libclang | zypper:libclang) echo clang clang-devel ;;
        pacman:compiler) echo gcc ;;
        pacman:libclang) echo clang ;;
        brew:compiler | brew:libclang) echo llvm ;;
        # Downloads need the certificates, which small systems lack.
        apt-get:rustup) echo rustup ca-certificates ;;
        *) echo "$2" ;;
    esac
}

# Runs a command as root; brew refuses to be root and is run as it is.
as_root() {
    if [[ $1 == brew || $(id -u) == 0 ]]; then
        "$@"
    elif ! has sudo; then
        give_up "installing needs root: run this as root or with sudo installed:  $*"
    elif [[ -t 0 ]]; then
        sudo "$@"
    else
        # Nobody is there to type a password.
        sudo -n "$@"
    fi
}

# install MANAGER PACKAGE...
install() {
    local manager=$1
    shift
    say "installing with $manager: $*"
    case $manager in
        apt-get)
            as_root env DEBIAN_FRONTEND=noninteractive apt-get update ||
                say "apt-get update failed; going on with the package lists that are there"
            # --no-remove: never at the price of something the user has installed.
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-remove "$@"
            ;;
        dnf) as_root dnf install -y "$@" ;;
        # -y: small systems come without package lists.
        pacman) as_root pacman -Sy --needed --noconfirm "$@" ;;
        zypper) as_root zypper --non-interactive install "$@" ;;
        brew) as_root brew install "$@" ;;
    esac
}

ensure_build_tools() {
    local manager tool missing names
    missing=$(missing_tools | tr '\n' ' ')
    [[ -z $missing ]] && return
    say "missing for the build: $missing"
    manager=$(package_manager)
    if [[ -z $manager ]]; then
        give_up "no package manager known here (apt, dnf, pacman, zypper, brew): please install a C++ compiler, CMake, make and libclang (LLVM's C library)"
    fi
    local packages=()
    for tool in $missing; do
        read -ra names <<<"$(package_names "$manager" "$tool")"
        packages+=("${names[@]}")
    done
    install "$manager" "${packages[@]}" ||
        give_up "$manager could not install: ${packages[*]}. See its message above; the build needs them."
    missing=$(missing_tools | tr '\n' ' ')
    [[ -z $missing ]] || give_up "still missing after the installation: $missing"
}

# Whether cargo is there and not older than RUST_NEEDED.
has_rust() {
    local version major minor
    has cargo || return 1
    version=$(cargo --version 2>/dev/null) || return 1
    version=${version#cargo }
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%.*}
    ((major > ${RUST_NEEDED%.*} || (major == ${RUST_NEEDED%.*} && minor >= ${RUST_NEEDED#*.})))
}

ensure_rust() {
    local manager names
    has_rust && return
    if has cargo; then
        say "Rust $RUST_NEEDED or newer is needed; found: $(cargo --version 2>&1 | head -n 1)"
    else
        say "Rust $RUST_NEEDED or newer is needed; cargo was not found"
    fi
    manager=$(package_manager)
    if ! has rustup && ! has rustup-init && [[ -n $manager ]]; then
        read -ra names <<<"$(package_names "$manager" rustup)"
        install "$manager" "${names[@]}" || say "$manager has no rustup to install"
        # brew keeps rustup and its cargo out of PATH, because its package of Rust has a cargo too.
        [[ $manager != brew ]] || PATH="$(brew --prefix rustup)/bin:$PATH"
        hash -r
    fi
    if has rustup-init && ! has rustup; then
        # Some systems package the installer only.
        rustup-init -y --profile minimal --component clippy --component rustfmt ||
            say "rustup-init failed"
        hash -r
    elif has rustup; then
        say "installing the stable toolchain with rustup"
        rustup toolchain install stable --profile minimal --component clippy --component rustfmt ||
            say "rustup could not install the stable toolchain"
        has_rust || export RUSTUP_TOOLCHAIN=stable
    fi
    # A cargo of the system may come first in PATH.
    has_rust || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    has_rust || give_up "install Rust from https://rustup.rs and start again:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
}

# For the tests only: the formatter and the linter.
ensure_rust_components() {
    local name missing=()
    for name in fmt clippy; do
        cargo "$name" --version >/dev/null 2>&1 || missing+=("${name/fmt/rustfmt}")
    done
    [[ ${#missing[@]} == 0 ]] && return
    if has rustup; then
        say "installing with rustup: ${missing[*]}"
        rustup component add "${missing[@]}" && return
    fi
    give_up "missing for the tests: ${missing[*]}. With rustup: rustup component add ${missing[*]}; else the packages of the same names."
}

ensure_build_tools
ensure_rust
