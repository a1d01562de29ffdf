# Turns the header's plain comments into doxygen's words, line for line, so that messages keep their line numbers.
1s/^\/\* ([a-z_.]+): /\/** @file \1 @brief /
# "Returns OK, ...": the statuses.
s/^ \*  Returns / *  @returns /
# What the compiler needs before a function.
s/^VIAL_API //
# "name, name   what it is": a parameter's line; its continuation lines are indented further.
/^ \*  [a-z_]+(, [a-z_]+)*  +[^ ]/ {
  :names
  s/^( \*  [a-z_,]+), ([a-z_])/\1,\2/
  t names
  s/^ \*  ([a-z_,]+)  +/ *  @param \1 /
}
# The initialisers are all alike.
s/^(#define VIAL_[A-Z_]+_INIT [{].*|  [{]\(uint32_t\)sizeof.*)$/\1 \/**< struct_size is set, the rest is the default. *\//
