# Owns: the flags with which Swift's tools read the modules that `swift build -c release` left. Sourced with bash from the
# project's folder; `modules` is their folder. Must not: build.
modules=.build/release/Modules
module_flags=(-I "$modules")
# Where the C targets' declarations lie that the modules were compiled against.
for folder in Sources/C*; do
  include=$folder/include
  [ -d "$include" ] || include=$folder
  map=$include/module.modulemap
  [ -f "$map" ] || map=.build/release/$(basename "$folder").build/module.modulemap
  [ ! -f "$map" ] || module_flags+=(-I "$include" -Xcc "-fmodule-map-file=$map")
done
