swift build -c release --build-tests 2>&1 | grep -E "error|warning|Build|Compiling" | tail -5
swift test -c release --disable-xctest --skip-build 2>&1 | tail -8
