// Owns: the C++17 face of vial.h: types that close themselves, texts as std::string_view, callbacks
// as lambdas, failures as exceptions or as results.
// Must not: compute, decide or keep anything that the C functions decide; hold a text's copy longer
// than a call.
// Source: Include/vial.h, which is the manual: limits, threads and statuses of each function.

/** @file vial.hpp
 *  @brief Medical language models from one mapped file, for C++17. Header only; link libvial.
 *
 *  FAILURES: One switch. Usually a function that fails throws vial::Error. Where VIAL_CPP_RESULTS
 *  is defined as 1 before the include, and wherever exceptions are off, it returns a vial::Result
 *  that holds the value or the vial::Error. What a host expects in the ordinary course (the next
 *  event, cancelling, closing) is a vial::Status in both. Both kinds of translation unit may be
 *  linked into one program. std::bad_alloc is thrown in both when the host's own containers find
 *  no memory.
 *
 *  TEXTS: std::string_view in, std::string out. A view without a pointer (`std::string_view()`)
 *  is an absent text, `""` is an empty one. Options hold views: what they point to must live
 *  until the call has returned. Strings that are returned belong to the host, which wipes what
 *  must be wiped; nothing else here keeps a text.
 *
 *  OBJECTS: Model, Engine and Request can be moved, not copied, and close themselves. One that
 *  was moved from, closed or never opened gives Status::invalid_handle. Functions that are const
 *  may run on several threads at once, close() included; moving and destroying need the object
 *  for themselves, as everywhere in C++. Never close what handle() returns.
 *
 *  CALLBACKS: An exception that a callback throws never reaches libvial. That of a progress
 *  callback ends the call and leaves it; that of an event callback cancels its request and waits
 *  in Request::callback_failure; that of a log is dropped. Callbacks that were given to the C
 *  functions must not destroy objects of this header. */
#ifndef VIAL_HPP
#define VIAL_HPP

#include "vial.h"

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/** 1 where this translation unit is compiled with exceptions. */
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define VIAL_CPP_HAS_EXCEPTIONS 1
#else
#define VIAL_CPP_HAS_EXCEPTIONS 0
#endif

/** The switch: 0: failures are thrown; 1: they are returned. */
#ifndef VIAL_CPP_RESULTS
#if VIAL_CPP_HAS_EXCEPTIONS
#define VIAL_CPP_RESULTS 0
#else
#define VIAL_CPP_RESULTS 1
#endif
#endif

#if !VIAL_CPP_RESULTS && !VIAL_CPP_HAS_EXCEPTIONS
#error "VIAL_CPP_RESULTS 0 needs exceptions"
#endif

/** The namespace of this translation unit's kind: two kinds have different symbols. */
#if !VIAL_CPP_RESULTS
#define VIAL_CPP_KIND throwing
#elif VIAL_CPP_HAS_EXCEPTIONS
#define VIAL_CPP_KIND returning
#else
#define VIAL_CPP_KIND returning_without_exceptions
#endif

namespace vial {
inline namespace VIAL_CPP_KIND {

// ==== Basics =====================================================================================

/** A token's id. */
using Token = std::uint32_t;

/** What a call came to; the numbers are those of VIAL_STATUS_.... A later library may have
 *  others. */
enum class Status : vial_status {
  /** Success. */
  ok = VIAL_STATUS_OK,
  /** A number, flag or text is out of range. */
  invalid_argument = VIAL_STATUS_INVALID_ARGUMENT,
  /** The object was closed or moved from, or never opened. */
  invalid_handle = VIAL_STATUS_INVALID_HANDLE,
  /** Header and library do not belong together. */
  invalid_struct_size = VIAL_STATUS_INVALID_STRUCT_SIZE,
  /** A text is not valid UTF-8; Error::byte_offset says where. */
  invalid_utf8 = VIAL_STATUS_INVALID_UTF8,
  /** A length or a count is above its limit. */
  too_long = VIAL_STATUS_TOO_LONG,
  /** The caller's buffer is too small. */
  buffer_too_small = VIAL_STATUS_BUFFER_TOO_SMALL,
  /** Memory is short. Nothing was changed. */
  out_of_memory = VIAL_STATUS_OUT_OF_MEMORY,
  /** A system call failed; Error::system_code is its errno. */
  system = VIAL_STATUS_SYSTEM,
  /** The file breaks a rule: Error::rule, at Error::byte_offset. */
  format = VIAL_STATUS_FORMAT,
  /** A token id is not in the model's vocabulary. */
  unknown_token = VIAL_STATUS_UNKNOWN_TOKEN,
  /** The file does not contain what was asked for. */
  not_in_file = VIAL_STATUS_NOT_IN_FILE,
  /** A template rejects these messages or values. */
  template_refused = VIAL_STATUS_TEMPLATE,
  /** The weights are damaged, or no token is left to choose. */
  numeric = VIAL_STATUS_NUMERIC,
  /** A progress callback asked to stop. */
  cancelled = VIAL_STATUS_CANCELLED,
  /** The object belongs to the process that forked this one. */
  forked = VIAL_STATUS_FORKED,
  /** This CPU does not support the requested instruction-set family. */
  unsupported_isa = VIAL_STATUS_UNSUPPORTED_ISA,
  /** More than VIAL_HANDLE_LIMIT objects are open. */
  too_many_handles = VIAL_STATUS_TOO_MANY_HANDLES,
  /** None of the trusted keys signed the file as it is. */
  untrusted = VIAL_STATUS_UNTRUSTED,
  /** The answer cannot be constrained to this schema, or to these choices. */
  schema = VIAL_STATUS_SCHEMA,
  /** The queue is full: try again later. */
  busy = VIAL_STATUS_BUSY,
  /** The engine or the request was closed meanwhile. */
  closed = VIAL_STATUS_CLOSED,
  /** The time was over before anything happened. */
  timed_out = VIAL_STATUS_TIMED_OUT,
  /** The last event was delivered before. */
  finished = VIAL_STATUS_FINISHED,
  /** Not allowed from a callback. */
  in_callback = VIAL_STATUS_IN_CALLBACK
};

/** "VIAL_STATUS_OK" and so on. Static memory. */
inline const char *name(Status status) noexcept {
  return vial_status_name(static_cast<vial_status>(status));
}

/** One English sentence, for logs. Static memory. */
inline const char *message(Status status) noexcept {
  return vial_status_message(static_cast<vial_status>(status));
}

/** The library's version: major << 16 | minor << 8 | patch. */
inline std::uint32_t version_number() noexcept { return vial_version_number(); }

/** The library's version as text. Static memory. */
inline std::string_view version_text() noexcept { return vial_version_text(); }

/** What the library was built from: a JSON object. Static memory. */
inline std::string_view build_info() noexcept { return vial_build_info(); }

/** The library's ABI; a host that loads the library itself compares it with VIAL_ABI_VERSION. */
inline std::uint32_t abi_version() noexcept { return vial_abi_version(); }

/** The newest file format that the library reads: major << 16 | minor. */
inline std::uint32_t format_version() noexcept { return vial_format_version(); }

/** With the same number, the same file and the same request give the same bytes. */
inline std::uint32_t arithmetic_version() noexcept { return vial_arithmetic_version(); }

/** Names of the instruction-set families that this CPU supports, fastest first. */
inline std::vector<std::string_view> isa_names() {
  std::vector<std::string_view> names;
  while (const char *found = vial_isa_name(static_cast<std::uint32_t>(names.size())))
    names.emplace_back(found);
  return names;
}

/** Details of a failed call. Never contains text of a prompt, an answer or a file, nor a path. */
class Error : public std::exception {
public:
  /** What a C function filled in. */
  explicit Error(const vial_error &details) noexcept : details_(details) {}

  /** A status without details. */
  explicit Error(Status status) noexcept : details_(VIAL_ERROR_INIT) {
    details_.status = static_cast<vial_status>(status);
    std::snprintf(details_.message, sizeof details_.message, "%s", vial::message(status));
  }

  /** What the function returned. */
  Status status() const noexcept { return static_cast<Status>(details_.status); }

  /** Number of the broken rule, as in R-203; 0 when there is none. */
  std::uint32_t rule() const noexcept { return details_.rule; }

  /** errno; 0 when there is none. */
  int system_code() const noexcept { return details_.system_code; }

  /** Where, in the file, section or text; 0 when there is nowhere. */
  std::uint64_t byte_offset() const noexcept { return details_.byte_offset; }

  /** One sentence. */
  const char *what() const noexcept override { return details_.message; }

  /** The C struct. */
  const vial_error &details() const noexcept { return details_; }

private:
  vial_error details_;
};

#if VIAL_CPP_RESULTS

/** A value, or why there is none. */
template <class T> class [[nodiscard]] Result {
public:
  /** Success. */
  Result(T value) : value_(std::move(value)), error_(Status::ok) {}

  /** Failure. */
  Result(const Error &error) : value_(), error_(error) {}

  /** Whether there is a value. */
  explicit operator bool() const noexcept { return value_.has_value(); }

  /** The value; there must be one. */
  T &operator*() & noexcept { return *value_; }
  /** The value; there must be one. */
  const T &operator*() const & noexcept { return *value_; }
  /** The value, to be moved from; there must be one. */
  T &&operator*() && noexcept { return std::move(*value_); }
  /** Of the value; there must be one. */
  T *operator->() noexcept { return &*value_; }
  /** Of the value; there must be one. */
  const T *operator->() const noexcept { return &*value_; }

  /** The value, or another. */
  T value_or(T other) && { return value_ ? std::move(*value_) : std::move(other); }

  /** Why there is no value; its status is Status::ok when there is one. */
  const Error &error() const noexcept { return error_; }

private:
  std::optional<T> value_;
  Error error_;
};

/** Success, or why not. */
template <> class [[nodiscard]] Result<void> {
public:
  /** Success. */
  Result() noexcept : error_(Status::ok) {}

  /** Failure. */
  Result(const Error &error) noexcept : error_(error) {}

  /** Whether it succeeded. */
  explicit operator bool() const noexcept { return error_.status() == Status::ok; }

  /** Why it failed; its status is Status::ok when it did not. */
  const Error &error() const noexcept { return error_; }

private:
  Error error_;
};

#else

/** What a function returns that may fail: here the value itself, because failures are thrown. */
template <class T> using Result = T;

#endif

/** Consecutive values of the caller's: a pointer and their number. Made from a pointer and a count,
 *  or from whatever has data() and size(). */
template <class T> class Span {
public:
  /** Nothing. */
  constexpr Span() noexcept : data_(nullptr), size_(0) {}

  /** `size` values at `data`. */
  constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

  /** All values of a container, which must outlive this. */
  template <class Container,
            std::enable_if_t<!std::is_same_v<std::decay_t<Container>, Span> &&
                                 std::is_convertible_v<
                                     decltype(std::data(std::declval<Container &>())), T *>,
                             int> = 0>
  constexpr Span(Container &&container) noexcept
      : data_(std::data(container)), size_(std::size(container)) {}

  /** Another view of the same values. */
  constexpr Span(const Span &other) noexcept = default;
  /** Views the same values as the other. */
  constexpr Span &operator=(const Span &other) noexcept = default;
  /** The values stay. */
  ~Span() = default;

  /** The first. */
  constexpr T *data() const noexcept { return data_; }
  /** Their number. */
  constexpr std::size_t size() const noexcept { return size_; }
  /** Whether there are none. */
  constexpr bool empty() const noexcept { return size_ == 0; }
  /** The value at `index`, which must be below size(). */
  constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }
  /** The first. */
  constexpr T *begin() const noexcept { return data_; }
  /** Behind the last. */
  constexpr T *end() const noexcept { return data_ + size_; }

private:
  T *data_;
  std::size_t size_;
};

/** Whether an enumeration's values may be combined with `|`. */
template <class Flags> struct IsFlags : std::false_type {};

/** Both sets of flags. */
template <class Flags, std::enable_if_t<IsFlags<Flags>::value, int> = 0>
constexpr Flags operator|(Flags one, Flags other) noexcept {
  return static_cast<Flags>(static_cast<std::uint32_t>(one) | static_cast<std::uint32_t>(other));
}

/** Adds flags. */
template <class Flags, std::enable_if_t<IsFlags<Flags>::value, int> = 0>
constexpr Flags &operator|=(Flags &flags, Flags more) noexcept {
  return flags = flags | more;
}

/** Whether `flags` has all of `wanted`. */
template <class Flags, std::enable_if_t<IsFlags<Flags>::value, int> = 0>
constexpr bool has(Flags flags, Flags wanted) noexcept {
  return (static_cast<std::uint32_t>(flags) & static_cast<std::uint32_t>(wanted)) ==
         static_cast<std::uint32_t>(wanted);
}

/** How long to wait; negative: not at all. */
using Timeout = std::chrono::milliseconds;

/** Wait without a limit. */
inline constexpr Timeout wait_forever = Timeout::max();

/** Called on the calling thread with how much is `done` of `total`: ids when scoring, bytes when
 *  verifying. Returns whether to go on. It may call anything; what it throws leaves the call. */
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/** What this header needs itself; no part of its promises. */
namespace detail {

/** A number of an enumeration, as C has it. */
template <class Enumeration> constexpr std::uint32_t number(Enumeration value) noexcept {
  return static_cast<std::uint32_t>(value);
}

/** A text as C has it: the same bytes, absent when it has no pointer. */
constexpr vial_text text(std::string_view view) noexcept {
  return vial_text{view.data(), view.size()};
}

/** A text of C's. */
inline std::string_view view(const vial_text &text) noexcept {
  return std::string_view(text.data, static_cast<std::size_t>(text.length));
}

/** Texts as C has them. */
inline std::vector<vial_text> texts(const std::vector<std::string_view> &views) {
  std::vector<vial_text> list;
  list.reserve(views.size());
  for (const std::string_view view : views) list.push_back(text(view));
  return list;
}

/** Milliseconds as C has them. */
inline std::uint32_t milliseconds(Timeout timeout) noexcept {
  if (timeout == wait_forever) return VIAL_WAIT_FOREVER;
  if (timeout.count() <= 0) return 0;
  const auto most = static_cast<Timeout::rep>(VIAL_WAIT_FOREVER) - 1;
  return static_cast<std::uint32_t>(timeout.count() < most ? timeout.count() : most);
}

/** Whether a text can be given to C as a zero-terminated one: it has no zero of its own. */
inline bool is_c_string(std::string_view view) noexcept {
  return view.find('\0') == std::string_view::npos;
}

/** One way to fail for both kinds of translation unit; undefined at the end of this header. */
#if VIAL_CPP_RESULTS
#define VIAL_CPP_FAIL(error) return error
#else
#define VIAL_CPP_FAIL(error) throw error
#endif

/** The details that belong to `status`: those of the call, unless libvial could not fill them. */
inline Error failure(vial_status status, const vial_error &details) noexcept {
  if (details.status != status) return Error(static_cast<Status>(status));
  return Error(details);
}

/** The value when `status` is OK, otherwise the failure. */
template <class T> Result<T> done(vial_status status, const vial_error &details, T value) {
  if (status != VIAL_STATUS_OK) VIAL_CPP_FAIL(failure(status, details));
  return Result<T>(std::move(value));
}

/** Nothing when `status` is OK, otherwise the failure. */
inline Result<void> done(vial_status status, const vial_error &details) {
  if (status != VIAL_STATUS_OK) VIAL_CPP_FAIL(failure(status, details));
  return Result<void>();
}

/** No details: those of a function that takes none. */
inline constexpr vial_error no_details = {static_cast<std::uint32_t>(sizeof(vial_error)),
                                          -1,
                                          0,
                                          0,
                                          0,
                                          {0}};

/** All that a C function copies into a buffer: `copy(pointer, capacity, &needed, &error)` is called
 *  until it fits, first with `capacity` elements. */
template <class Container, class Copy> Result<Container> copied(std::size_t capacity, Copy copy) {
  vial_error details = VIAL_ERROR_INIT;
  Container buffer(capacity, typename Container::value_type());
  std::uint64_t needed = 0;
  vial_status status = VIAL_STATUS_BUFFER_TOO_SMALL;
  while ((status = copy(buffer.data(), buffer.size(), &needed, &details)) ==
             VIAL_STATUS_BUFFER_TOO_SMALL &&
         needed > buffer.size())
    buffer.resize(static_cast<std::size_t>(needed));
  if (status == VIAL_STATUS_OK) buffer.resize(static_cast<std::size_t>(needed));
  return done<Container>(status, details, std::move(buffer));
}

/** A progress callback during one call, and what it threw. */
class ProgressContext {
public:
  /** Of a callback that outlives the call. */
  explicit ProgressContext(const Progress &progress) noexcept : progress_(progress) {}

  /** What C calls; NULL when there is no callback. */
  vial_progress function() const noexcept { return progress_ ? report : nullptr; }

  /** Throws what the callback threw. */
  void rethrow() const {
#if VIAL_CPP_HAS_EXCEPTIONS
    if (failure_) std::rethrow_exception(failure_);
#endif
  }

private:
  static std::int32_t report(void *context, std::uint64_t done, std::uint64_t total) noexcept {
    auto *self = static_cast<ProgressContext *>(context);
#if VIAL_CPP_HAS_EXCEPTIONS
    try {
      return self->progress_(done, total) ? 0 : 1;
    } catch (...) {
      self->failure_ = std::current_exception();
      return 1;
    }
#else
    return self->progress_(done, total) ? 0 : 1;
#endif
  }

  const Progress &progress_;
#if VIAL_CPP_HAS_EXCEPTIONS
  std::exception_ptr failure_{};
#endif
};

} // namespace detail

// ==== Models =====================================================================================

/** How the file gets into memory. */
enum class Access : std::uint32_t {
  /** Mapped: shared with all processes that map it. */
  mapped = VIAL_ACCESS_MAPPED,
  /** Read into memory of this process, for files that somebody may change meanwhile. */
  private_copy = VIAL_ACCESS_PRIVATE_COPY
};

/** When bytes of the file are compared with their digests. */
enum class Verification : std::uint32_t {
  /** Configuration and tensor table, when it is opened. */
  tables = VIAL_VERIFICATION_TABLES,
  /** Weights before their first use, the rest when it is opened. */
  lazy = VIAL_VERIFICATION_LAZY,
  /** Every byte, when it is opened. */
  whole = VIAL_VERIFICATION_WHOLE
};

/** An Ed25519 public key. */
using PublicKey = std::array<std::uint8_t, 32>;

/** How Model::open opens a file. */
struct ModelOptions {
  /** How the file gets into memory. */
  Access access = Access::mapped;
  /** When its bytes are compared with their digests. */
  Verification verification = Verification::tables;
  /** Keys, one of which must have signed the file; absent: no signature is needed; an empty list
   *  trusts nobody. */
  std::optional<std::vector<PublicKey>> trusted_keys = std::nullopt;
};

/** What holds of a file. */
enum class ModelFlags : std::uint32_t {
  /** Nothing. */
  none = 0,
  /** Model::render_chat works. */
  has_chat_template = VIAL_MODEL_HAS_CHAT_TEMPLATE,
  /** The output head is the embedding. */
  has_tied_embedding = VIAL_MODEL_HAS_TIED_EMBEDDING,
  /** A prompt starts with begin_token. */
  begins_with_token = VIAL_MODEL_BEGINS_WITH_TOKEN,
  /** Show Model::text(ModelText::notice) before the first answer. */
  has_notice = VIAL_MODEL_HAS_NOTICE
};
/** They may be combined. */
template <> struct IsFlags<ModelFlags> : std::true_type {};

/** What a file contains: the members of vial_model_info. */
struct ModelInfo : ::vial_model_info {
  /** What a C function filled in. */
  explicit ModelInfo(const ::vial_model_info &filled) noexcept : ::vial_model_info(filled) {}
  /** Whether all of `wanted` hold. */
  bool has(ModelFlags wanted) const noexcept {
    return vial::has(static_cast<ModelFlags>(flags), wanted);
  }
};

/** What an adapter is. */
using AdapterInfo = ::vial_adapter_info;

/** Texts of a model. */
enum class ModelText : std::uint32_t {
  /** "qwen2", "llama". */
  architecture = VIAL_MODEL_TEXT_ARCHITECTURE,
  /** The model's name; may be empty. */
  name = VIAL_MODEL_TEXT_NAME,
  /** What every user must be shown. */
  notice = VIAL_MODEL_TEXT_NOTICE,
  /** The model digest as hexadecimal digits. */
  model_digest = VIAL_MODEL_TEXT_MODEL_DIGEST,
  /** The file digest as hexadecimal digits. */
  file_digest = VIAL_MODEL_TEXT_FILE_DIGEST
};

/** Texts of a prompt template. */
enum class TemplateText : std::uint32_t {
  /** Its id. */
  id = VIAL_TEMPLATE_TEXT_ID,
  /** Its version, for people. */
  version = VIAL_TEMPLATE_TEXT_VERSION,
  /** "symptoms", "diagnosis", ... */
  task = VIAL_TEMPLATE_TEXT_TASK,
  /** A BCP 47 tag. */
  language = VIAL_TEMPLATE_TEXT_LANGUAGE,
  /** Its title, for people; may be empty. */
  title = VIAL_TEMPLATE_TEXT_TITLE,
  /** The JSON schema of its answers; empty when they are plain text. */
  schema = VIAL_TEMPLATE_TEXT_SCHEMA,
  /** Names of its variables, one a line. */
  variables = VIAL_TEMPLATE_TEXT_VARIABLES,
  /** What its variables take, as JSON. */
  declarations = VIAL_TEMPLATE_TEXT_DECLARATIONS
};

/** What Model::encode does besides. */
enum class EncodeFlags : std::uint32_t {
  /** Nothing: the text is literal. */
  none = 0,
  /** Adds the file's own tokens around the text. */
  add_special_tokens = VIAL_ENCODE_ADD_SPECIAL_TOKENS,
  /** Text that spells a special token becomes that token; never for what a person wrote. */
  allow_special_tokens = VIAL_ENCODE_ALLOW_SPECIAL_TOKENS
};
/** They may be combined. */
template <> struct IsFlags<EncodeFlags> : std::true_type {};

/** What Model::decode does besides. */
enum class DecodeFlags : std::uint32_t {
  /** Nothing. */
  none = 0,
  /** Leaves out special tokens. */
  skip_special_tokens = VIAL_DECODE_SKIP_SPECIAL_TOKENS
};
/** They may be combined. */
template <> struct IsFlags<DecodeFlags> : std::true_type {};

/** Flags of a message. */
enum class MessageFlags : std::uint32_t {
  /** The content is literal. */
  none = 0,
  /** Content that spells a special token becomes that token; never for what a person wrote. */
  allow_special_tokens = VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS
};
/** They may be combined. */
template <> struct IsFlags<MessageFlags> : std::true_type {};

/** A message of a conversation. */
struct Message {
  /** "system", "user", "assistant" or what else the template knows. */
  std::string_view role{};
  /** What it says. */
  std::string_view content{};
  /** Flags. */
  MessageFlags flags = MessageFlags::none;
  /** Further fields as the JSON of an object ("tool_calls", "tool_call_id", "name",
   *  "reasoning_content", ...), for Engine::submit only; absent: none. */
  std::string_view fields{};
};

/** A value for a variable of a prompt template, made from what the variable is. A text stays
 *  where it is; what is spelled here (numbers, dates, lists) is a copy, which goes with this
 *  object and is not wiped. libvial checks the value against the variable. */
class TemplateValue {
public:
  /** A text, or any value as it is spelled ("98.60 [degF] H (97 - 99)"). */
  static TemplateValue text(std::string_view name, std::string_view value) {
    return TemplateValue(name, value, std::string(), false);
  }

  /** An integer, with its unit where it has one. */
  static TemplateValue integer(std::string_view name, std::int64_t value,
                               std::string_view unit = {}) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return spelled(name, digits.data(), end, unit);
  }

  /** A number in the fewest decimal digits that tell it from every other double, with its unit
   *  where it has one. A record's own digits (7.20) go through text(). */
  static TemplateValue number(std::string_view name, double value, std::string_view unit = {}) {
    std::array<char, 400> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                   std::chars_format::fixed);
    const auto *last = end.ec == std::errc() ? end.ptr : digits.data();
    return spelled(name, digits.data(), last, unit);
  }

  /** A date. */
  static TemplateValue date(std::string_view name, int year, unsigned month, unsigned day) {
    std::array<char, 48> digits{};
    std::snprintf(digits.data(), digits.size(), "%04d-%02u-%02u", year, month, day);
    return TemplateValue(name, {}, digits.data(), true);
  }

  /** A list, an item a line: an item with a line break would be two. */
  static TemplateValue list(std::string_view name, const std::vector<std::string_view> &items) {
    std::string lines;
    for (const std::string_view item : items) {
      if (!lines.empty()) lines += '\n';
      lines += item;
    }
    return TemplateValue(name, {}, std::move(lines), true);
  }

  /** The variable's name. */
  std::string_view name() const noexcept { return name_; }

  /** The value as libvial gets it. */
  std::string_view value() const noexcept {
    return is_spelled_ ? std::string_view(spelled_) : text_;
  }

private:
  TemplateValue(std::string_view name, std::string_view text, std::string spelled, bool is_spelled)
      : name_(name), text_(text), spelled_(std::move(spelled)), is_spelled_(is_spelled) {}

  static TemplateValue spelled(std::string_view name, const char *digits, const char *end,
                               std::string_view unit) {
    std::string value(digits, end);
    if (!unit.empty()) value.append(1, ' ').append(unit);
    return TemplateValue(name, {}, std::move(value), true);
  }

  std::string_view name_;
  std::string_view text_;
  std::string spelled_;
  bool is_spelled_;
};

/** Number type of cached keys and values: changes answers and scores. */
enum class CacheType : std::uint32_t {
  /** 16 bits. */
  f16 = VIAL_CACHE_F16,
  /** 32 bits. */
  f32 = VIAL_CACHE_F32,
  /** 8 bits. */
  int8 = VIAL_CACHE_INT8
};

/** How Model::verify reads a file. */
struct VerifyOptions {
  /** Threads, the caller's included; 0: as many as affinity and quota allow. */
  std::uint32_t thread_count = 0;
  /** Called with the bytes that are done; may be empty. */
  Progress progress{};
};

/** How Model::score computes. */
struct ScoreOptions {
  /** Number type of cached keys and values. */
  CacheType cache_type = CacheType::f16;
  /** Threads, the caller's included; 0: as many as affinity and quota allow. */
  std::uint32_t thread_count = 0;
  /** Name of an adapter of the file; absent: none. */
  std::string_view adapter{};
  /** What the adapter's effect is multiplied by; 0: 1. */
  float adapter_scale = 0;
  /** A name of isa_names(); absent: the fastest. */
  std::string_view isa{};
  /** Called with the ids that are done; may be empty. */
  Progress progress{};
};

/** Which tokens a penalty looks at. */
enum class PenaltyScope : std::uint32_t {
  /** Those of the answer, its reasoning included. */
  answer = VIAL_PENALTY_ANSWER,
  /** Those of the prompt. */
  prompt = VIAL_PENALTY_PROMPT,
  /** All. */
  both = VIAL_PENALTY_BOTH
};

/** Flags of sampling. */
enum class SamplingFlags : std::uint32_t {
  /** None. */
  none = 0,
  /** The model's end tokens are tokens like others. */
  ignore_end = VIAL_SAMPLING_IGNORE_END
};
/** They may be combined. */
template <> struct IsFlags<SamplingFlags> : std::true_type {};

/** A value that is added to a token's logit. */
using TokenBias = ::vial_token_bias;

/** How the next token is chosen, the likeliest one by default. Model::sampling gives what the file
 *  recommends. vial_sampling_options has the range of each member. */
struct Sampling {
  /** Flags. */
  SamplingFlags flags = SamplingFlags::none;
  /** 0: always the likeliest token. */
  float temperature = 0;
  /** Choose among this many tokens; 0: all. */
  std::uint32_t top_k = 0;
  /** Choose among the likeliest tokens whose probabilities add up to this. */
  float top_p = 1;
  /** Choose among tokens at least this fraction as likely as the best. */
  float min_p = 0;
  /** Divides logits of ids in its scope; 1: off. */
  float repetition_penalty = 1;
  /** Scope of repetition_penalty. */
  PenaltyScope repetition_scope = PenaltyScope::both;
  /** Only the last so many tokens of that scope; 0: all. */
  std::uint32_t repetition_window = 0;
  /** Subtracted for each time that an id is in the scope; 0: off. */
  float frequency_penalty = 0;
  /** Subtracted once for ids in the scope; 0: off. */
  float presence_penalty = 0;
  /** Scope of frequency_penalty and presence_penalty. */
  PenaltyScope penalty_scope = PenaltyScope::answer;
  /** Only the last so many tokens of that scope; 0: all. */
  std::uint32_t penalty_window = 0;
  /** Nothing but the token limit ends the answer before it has so many tokens. */
  std::uint32_t min_tokens = 0;
  /** Added to logits, in this order. */
  std::vector<TokenBias> biases{};
  /** Ids that are never chosen. */
  std::vector<Token> banned_tokens{};
  /** Ids that end the answer as the model's own end tokens do. */
  std::vector<Token> stop_tokens{};

  /** The same as C has it, valid while this is. */
  ::vial_sampling_options options() const noexcept {
    ::vial_sampling_options options = VIAL_SAMPLING_OPTIONS_INIT;
    options.flags = detail::number(flags);
    options.temperature = temperature;
    options.top_k = top_k;
    options.top_p = top_p;
    options.min_p = min_p;
    options.repetition_penalty = repetition_penalty;
    options.repetition_scope = detail::number(repetition_scope);
    options.repetition_window = repetition_window;
    options.frequency_penalty = frequency_penalty;
    options.presence_penalty = presence_penalty;
    options.penalty_scope = detail::number(penalty_scope);
    options.penalty_window = penalty_window;
    options.min_tokens = min_tokens;
    options.biases = biases.data();
    options.bias_count = biases.size();
    options.banned_tokens = banned_tokens.data();
    options.banned_token_count = banned_tokens.size();
    options.stop_tokens = stop_tokens.data();
    options.stop_token_count = stop_tokens.size();
    return options;
  }

  /** What C filled in. */
  static Sampling from(const ::vial_sampling_options &options) {
    Sampling sampling;
    sampling.flags = static_cast<SamplingFlags>(options.flags);
    sampling.temperature = options.temperature;
    sampling.top_k = options.top_k;
    sampling.top_p = options.top_p;
    sampling.min_p = options.min_p;
    sampling.repetition_penalty = options.repetition_penalty;
    sampling.repetition_scope = static_cast<PenaltyScope>(options.repetition_scope);
    sampling.repetition_window = options.repetition_window;
    sampling.frequency_penalty = options.frequency_penalty;
    sampling.presence_penalty = options.presence_penalty;
    sampling.penalty_scope = static_cast<PenaltyScope>(options.penalty_scope);
    sampling.penalty_window = options.penalty_window;
    sampling.min_tokens = options.min_tokens;
    sampling.biases.assign(options.biases, options.biases + options.bias_count);
    sampling.banned_tokens.assign(options.banned_tokens,
                                  options.banned_tokens + options.banned_token_count);
    sampling.stop_tokens.assign(options.stop_tokens,
                                options.stop_tokens + options.stop_token_count);
    return sampling;
  }
};

namespace detail {

/** Messages as C has them, and their further fields when one has any. */
class Messages {
public:
  /** Of messages that outlive this. */
  explicit Messages(Span<const Message> messages) : list_(), fields_() {
    list_.reserve(messages.size());
    bool has_fields = false;
    for (const Message &message : messages) {
      list_.push_back(
          vial_message{text(message.role), text(message.content), number(message.flags), 0});
      has_fields = has_fields || message.fields.data() != nullptr;
    }
    if (!has_fields) return;
    for (const Message &message : messages) fields_.push_back(text(message.fields));
  }

  /** The messages. */
  const std::vector<vial_message> &list() const noexcept { return list_; }

  /** A text for each, or none at all. */
  const std::vector<vial_text> &fields() const noexcept { return fields_; }

private:
  std::vector<vial_message> list_;
  std::vector<vial_text> fields_;
};

/** Values of a template as C has them. */
inline std::vector<vial_template_value> values(Span<const TemplateValue> typed) {
  std::vector<vial_template_value> list;
  list.reserve(typed.size());
  for (const TemplateValue &value : typed)
    list.push_back(vial_template_value{text(value.name()), text(value.value())});
  return list;
}

} // namespace detail

/** A model in an opened file. Immutable: all functions may run on several threads at once. */
class Model {
public:
  /** None yet: every call is Status::invalid_handle. */
  Model() noexcept : handle_(nullptr) {}

  /** Opens a model file. See vial_model_open. */
  static Result<Model> open(std::string_view path, const ModelOptions &options = ModelOptions()) {
    const PublicKey nobody{};
    if (!detail::is_c_string(path)) VIAL_CPP_FAIL(Error(Status::invalid_argument));
    const std::string terminated(path);
    vial_model_options filled = VIAL_MODEL_OPTIONS_INIT;
    filled.access = detail::number(options.access);
    filled.verification = detail::number(options.verification);
    if (options.trusted_keys) {
      // An empty vector has no pointer, and no pointer would require no signature.
      filled.trusted_keys =
          options.trusted_keys->empty() ? nobody.data() : options.trusted_keys->data()->data();
      filled.trusted_key_count = options.trusted_keys->size();
    }
    Model model;
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status =
        vial_model_open(terminated.c_str(), &filled, &model.handle_, &details);
    return detail::done<Model>(status, details, std::move(model));
  }

  /** The other has none afterwards. */
  Model(Model &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

  /** Closes this one first. */
  Model &operator=(Model &&other) noexcept {
    if (this != &other) {
      close();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }

  /** A model has one owner. */
  Model(const Model &) = delete;
  /** A model has one owner. */
  Model &operator=(const Model &) = delete;

  /** Closes the model. */
  ~Model() { close(); }

  /** Closes the model; calls that run finish, engines keep what they need. Any thread, callbacks
   *  included. */
  void close() const noexcept { vial_model_close(handle_); }

  /** The C handle, still owned by this. */
  vial_model *handle() const noexcept { return handle_; }

  /** What the file contains. */
  Result<ModelInfo> info() const {
    ::vial_model_info filled = VIAL_MODEL_INFO_INIT;
    const vial_status status = vial_model_get_info(handle_, &filled);
    return detail::done<ModelInfo>(status, detail::no_details, ModelInfo(filled));
  }

  /** A text of the file; escape it before showing it. */
  Result<std::string> text(ModelText which) const {
    return detail::copied<std::string>(
        0, [this, which](char *out, std::uint64_t capacity, std::uint64_t *length,
                         vial_error *error) {
          return vial_model_copy_text(handle_, detail::number(which), out, capacity, length, error);
        });
  }

  /** What the adapter of an index is. They are in ascending order of their names. */
  Result<AdapterInfo> adapter_info(std::uint32_t index) const {
    AdapterInfo filled = VIAL_ADAPTER_INFO_INIT;
    const vial_status status = vial_model_get_adapter_info(handle_, index, &filled);
    return detail::done<AdapterInfo>(status, detail::no_details, filled);
  }

  /** The name of the adapter of an index. */
  Result<std::string> adapter_name(std::uint32_t index) const {
    return detail::copied<std::string>(
        VIAL_ADAPTER_NAME_LIMIT,
        [this, index](char *out, std::uint64_t capacity, std::uint64_t *length, vial_error *) {
          return vial_model_copy_adapter_name(handle_, index, out, capacity, length);
        });
  }

  /** Verifies every byte of the file. See vial_model_verify. */
  Result<void> verify(const VerifyOptions &options = VerifyOptions()) const {
    detail::ProgressContext context(options.progress);
    vial_verify_options filled = VIAL_VERIFY_OPTIONS_INIT;
    filled.thread_count = options.thread_count;
    filled.progress = context.function();
    filled.progress_context = &context;
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status = vial_model_verify(handle_, &filled, &details);
    context.rethrow();
    return detail::done(status, details);
  }

  /** The sampling of a request that has none of its own: of a prompt template, or of the file. */
  Result<Sampling> sampling(std::string_view template_id = {}) const {
    ::vial_sampling_options filled = VIAL_SAMPLING_OPTIONS_INIT;
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status =
        vial_model_get_sampling(handle_, detail::text(template_id), &filled, &details);
    return detail::done<Sampling>(status, details, Sampling::from(filled));
  }

  /** A text as token ids. */
  Result<std::vector<Token>> encode(std::string_view text,
                                    EncodeFlags flags = EncodeFlags::none) const {
    // What the header says is enough for almost every text: one pass instead of two.
    return detail::copied<std::vector<Token>>(
        text.size() < VIAL_TEXT_BYTE_LIMIT ? text.size() + 34 : 0,
        [this, text, flags](Token *out, std::uint64_t capacity, std::uint64_t *count,
                            vial_error *error) {
          return vial_model_encode(handle_, detail::text(text), detail::number(flags), out,
                                   capacity, count, error);
        });
  }

  /** Token ids as text; what they leave incomplete is U+FFFD. */
  Result<std::string> decode(Span<const Token> tokens,
                             DecodeFlags flags = DecodeFlags::none) const {
    return detail::copied<std::string>(
        0, [this, tokens, flags](char *out, std::uint64_t capacity, std::uint64_t *length,
                                 vial_error *error) {
          return vial_model_decode(handle_, tokens.data(), tokens.size(), detail::number(flags),
                                   out, capacity, length, error);
        });
  }

  /** The bytes that one token stands for; they need not be valid UTF-8. */
  Result<std::string> token_bytes(Token token) const {
    return detail::copied<std::string>(
        0, [this, token](char *out, std::uint64_t capacity, std::uint64_t *length,
                         vial_error *error) {
          return vial_model_copy_token_bytes(handle_, token, reinterpret_cast<std::uint8_t *>(out),
                                             capacity, length, error);
        });
  }

  /** A conversation through the file's chat template, as the token ids of a prompt. Messages with
   *  further fields are Status::invalid_argument: only Engine::submit takes them. */
  Result<std::vector<Token>> render_chat(Span<const Message> messages) const {
    const detail::Messages filled(messages);
    if (!filled.fields().empty()) VIAL_CPP_FAIL(Error(Status::invalid_argument));
    return detail::copied<std::vector<Token>>(
        1024, [this, &filled](Token *out, std::uint64_t capacity, std::uint64_t *count,
                              vial_error *error) {
          return vial_model_render_chat_template(handle_, filled.list().data(),
                                                 filled.list().size(), 0, out, capacity, count,
                                                 error);
        });
  }

  /** A text of the prompt template of an index, from 0, in file order. */
  Result<std::string> template_text(std::uint32_t index, TemplateText which) const {
    return detail::copied<std::string>(
        0, [this, index, which](char *out, std::uint64_t capacity, std::uint64_t *length,
                                vial_error *error) {
          return vial_model_copy_template_text(handle_, index, detail::number(which), out, capacity,
                                               length, error);
        });
  }

  /** A prompt template with its values, as the token ids of a prompt. */
  Result<std::vector<Token>> render_template(std::string_view template_id,
                                             Span<const TemplateValue> values) const {
    const std::vector<vial_template_value> filled = detail::values(values);
    return detail::copied<std::vector<Token>>(
        1024, [this, template_id, &filled](Token *out, std::uint64_t capacity, std::uint64_t *count,
                                           vial_error *error) {
          return vial_model_render_prompt_template(handle_, detail::text(template_id),
                                                   filled.data(), filled.size(), out, capacity,
                                                   count, error);
        });
  }

  /** Natural logarithms of how probable each id is after those before it; NaN for the first of a
   *  window. See vial_model_score. */
  Result<std::vector<float>> score(Span<const Token> tokens,
                                   const ScoreOptions &options = ScoreOptions()) const {
    std::vector<float> scores(tokens.size());
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status = score_status(tokens, scores, options, details);
    return detail::done<std::vector<float>>(status, details, std::move(scores));
  }

  /** The same into memory of the caller's, at least as many as there are ids: it has NaN for what
   *  was not reached when the call fails. */
  Result<void> score_into(Span<const Token> tokens, Span<float> out_scores,
                          const ScoreOptions &options = ScoreOptions()) const {
    if (out_scores.size() < tokens.size()) VIAL_CPP_FAIL(Error(Status::buffer_too_small));
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status = score_status(tokens, out_scores, options, details);
    return detail::done(status, details);
  }

private:
  vial_status score_status(Span<const Token> tokens, Span<float> out_scores,
                           const ScoreOptions &options, vial_error &details) const {
    if (!detail::is_c_string(options.isa)) return VIAL_STATUS_INVALID_ARGUMENT;
    const std::string isa(options.isa);
    detail::ProgressContext context(options.progress);
    vial_score_options filled = VIAL_SCORE_OPTIONS_INIT;
    filled.cache_type = detail::number(options.cache_type);
    filled.thread_count = options.thread_count;
    filled.adapter = detail::text(options.adapter);
    filled.adapter_scale = options.adapter_scale;
    filled.isa = options.isa.data() == nullptr ? nullptr : isa.c_str();
    filled.progress = context.function();
    filled.progress_context = &context;
    const vial_status status = vial_model_score(handle_, tokens.data(), tokens.size(), &filled,
                                                out_scores.data(), &details);
    context.rethrow();
    return status;
  }

  vial_model *handle_;
};

// ==== Requests and events ========================================================================

/** What happened to a request. */
enum class EventKind : std::uint32_t {
  /** Nothing yet. */
  none = VIAL_EVENT_NONE,
  /** A token of the answer. */
  token = VIAL_EVENT_TOKEN,
  /** The end; may contain the last text. */
  finished = VIAL_EVENT_FINISHED
};

/** Which part of an answer a text belongs to. */
enum class AnswerPart : std::uint32_t {
  /** The answer. */
  answer = VIAL_PART_ANSWER,
  /** The reasoning before it. */
  reasoning = VIAL_PART_REASONING
};

/** Why a request ended. */
enum class FinishReason : std::uint32_t {
  /** Not yet. */
  none = VIAL_FINISH_NONE,
  /** The model ended its answer: it is complete. */
  stop = VIAL_FINISH_STOP,
  /** The token or position limit was reached. */
  length = VIAL_FINISH_LENGTH,
  /** A stop string was found. */
  stop_string = VIAL_FINISH_STOP_STRING,
  /** It was cancelled, or the engine closed. */
  cancelled = VIAL_FINISH_CANCELLED,
  /** The deadline passed. */
  deadline = VIAL_FINISH_DEADLINE,
  /** The computation failed. */
  error = VIAL_FINISH_ERROR,
  /** A limit was reached before the end of an answer with a schema or choices. */
  budget = VIAL_FINISH_BUDGET
};

/** Where a request is. */
enum class RequestState : std::uint32_t {
  /** In the queue. */
  waiting = VIAL_STATE_WAITING,
  /** Computed. */
  running = VIAL_STATE_RUNNING,
  /** Ended. */
  finished = VIAL_STATE_FINISHED
};

/** Flags of a request. */
enum class RequestFlags : std::uint32_t {
  /** None. */
  none = 0,
  /** The text is the beginning of a text, without the chat template. */
  raw = VIAL_REQUEST_RAW,
  /** Neither uses nor leaves anything in the prefix cache. */
  private_request = VIAL_REQUEST_PRIVATE,
  /** Computes the prompt and pins it in the prefix cache until the request is closed. */
  pinned = VIAL_REQUEST_PINNED,
  /** The reasoning is withheld from the caller. */
  withhold_reasoning = VIAL_REQUEST_WITHHOLD_REASONING,
  /** The schema of a prompt template is ignored. */
  no_schema = VIAL_REQUEST_NO_SCHEMA,
  /** Events have entropies. */
  entropy = VIAL_REQUEST_ENTROPY,
  /** The prompt's tokens get log-probabilities and alternatives. */
  score_prompt = VIAL_REQUEST_SCORE_PROMPT
};
/** They may be combined. */
template <> struct IsFlags<RequestFlags> : std::true_type {};

/** A token and the natural logarithm of its probability. */
using Alternative = ::vial_alternative;

class RequestRef;

/** What happened to a request. A copy of vial_event: what its text and its alternatives point to is
 *  valid until the request is closed, in a callback also until that returns. */
class Event {
public:
  /** None yet. */
  Event() noexcept : event_(VIAL_EVENT_INIT) {}

  /** What C delivered, of a library with this header or an earlier or later one. */
  explicit Event(const ::vial_event &event) noexcept : event_(VIAL_EVENT_INIT) {
    if (event.struct_size >= sizeof event_) {
      event_ = event;
      event_.struct_size = static_cast<std::uint32_t>(sizeof event_);
    } else {
      const std::uint32_t own_size = event_.struct_size;
      std::memcpy(&event_, &event, event.struct_size);
      event_.struct_size = own_size;
    }
  }

  /** What happened. */
  EventKind kind() const noexcept { return static_cast<EventKind>(event_.kind); }
  /** Whether it is the last one. */
  bool is_finished() const noexcept { return event_.kind == VIAL_EVENT_FINISHED; }
  /** Whose event it is. */
  RequestRef request() const noexcept;
  /** Text that is now certain; may be empty, may come with the end. */
  std::string_view text() const noexcept { return detail::view(event_.text); }
  /** Where the text belongs. */
  AnswerPart part() const noexcept { return static_cast<AnswerPart>(event_.part); }
  /** The token's id; none at the end. */
  std::optional<Token> token() const noexcept {
    return event_.token == VIAL_TOKEN_NONE ? std::nullopt : std::optional<Token>(event_.token);
  }
  /** Natural logarithm of the token's probability under the model's own distribution; NaN at the
   *  end. */
  float log_probability() const noexcept { return event_.log_probability; }
  /** Entropy in nats with RequestFlags::entropy, else NaN. */
  float entropy() const noexcept { return event_.entropy; }
  /** The likeliest tokens, best first. */
  Span<const Alternative> alternatives() const noexcept {
    return Span<const Alternative>(event_.alternatives,
                                   static_cast<std::size_t>(event_.alternative_count));
  }
  /** Why the request ended; FinishReason::none before. */
  FinishReason finish_reason() const noexcept {
    return static_cast<FinishReason>(event_.finish_reason);
  }
  /** What failed when finish_reason() is FinishReason::error, else Status::ok. */
  Status status() const noexcept { return static_cast<Status>(event_.status); }
  /** The C struct, to be filled in. */
  ::vial_event &raw() noexcept { return event_; }
  /** The C struct. */
  const ::vial_event &raw() const noexcept { return event_; }

private:
  ::vial_event event_;
};

/** Called with every event of one request, in order, on the engine's delivery thread. It may
 *  submit, cancel, close and destroy requests, and should return soon. */
using EventCallback = std::function<void(const Event &)>;

/** State and counts of a request: the members of vial_request_info. */
struct RequestInfo : ::vial_request_info {
  /** What a C function filled in. */
  explicit RequestInfo(const ::vial_request_info &filled) noexcept : ::vial_request_info(filled) {}
  /** Where it is. */
  RequestState where() const noexcept { return static_cast<RequestState>(state); }
  /** Why it ended. */
  FinishReason reason() const noexcept { return static_cast<FinishReason>(finish_reason); }
};

/** The options of Engine::submit: exactly one of text, messages, tokens and template_id.
 *  vial_request_options has the limits of each member. */
struct RequestOptions {
  /** Flags. */
  RequestFlags flags = RequestFlags::none;
  /** One user message, taken literally. */
  std::string_view text{};
  /** A conversation, rendered through the file's chat template. */
  std::vector<Message> messages{};
  /** Tools that the model may call, as JSON; only beside messages. */
  std::string_view tools{};
  /** Token ids, as they are. */
  std::vector<Token> tokens{};
  /** Id of a prompt template of the file. */
  std::string_view template_id{};
  /** Values of its variables. */
  std::vector<TemplateValue> template_values{};
  /** The answer's first words, which the model continues. */
  std::string_view prefill{};
  /** How tokens are chosen; absent: what Model::sampling gives. */
  std::optional<Sampling> sampling = std::nullopt;
  /** Seed of the random numbers. */
  std::uint64_t seed = 0;
  /** Which of several answers to the same prompt and seed. */
  std::uint32_t sample_index = 0;
  /** Most tokens of the answer; VIAL_ANSWER_NONE: none; 0: the template's, or as many as fit. */
  std::uint32_t max_tokens = 0;
  /** Most tokens of the reasoning; VIAL_REASONING_NONE: none; 0: the template's, or no limit. */
  std::uint32_t max_reasoning_tokens = 0;
  /** Alternatives to report with every token. */
  std::uint32_t alternative_count = 0;
  /** Texts that end the answer where they begin. */
  std::vector<std::string_view> stops{};
  /** A JSON schema that the answer satisfies; absent: the prompt template's. */
  std::string_view schema{};
  /** The answer is one of these texts; not beside schema. */
  std::vector<std::string_view> choices{};
  /** Name of an adapter of the file; absent: none. */
  std::string_view adapter{};
  /** What the adapter's effect is multiplied by; 0: 1. */
  float adapter_scale = 0;
  /** Requests of a higher priority are computed first. */
  std::int32_t priority = 0;
  /** Label of whoever the request is for. */
  std::string_view tenant{};
  /** From now on, after which the request ends, finished or not; zero: none. Less than zero is
   *  Status::invalid_argument. */
  std::chrono::milliseconds deadline{0};
  /** Called with every event; empty: the caller takes events. */
  EventCallback on_event{};
};

/** A whole answer. */
struct Answer {
  /** The answer's text. */
  std::string text{};
  /** The reasoning before it. */
  std::string reasoning{};
  /** Ids of both. */
  std::vector<Token> tokens{};
  /** Why it ended. FinishReason::stop: it is complete. */
  FinishReason finish_reason = FinishReason::none;
};

/** Events as they come, for `for (const Event &event : ...)`: each is taken when the loop asks
 *  for it. An event is valid until the next one is asked for. The loop ends behind the last
 *  event. When events cannot be taken (the object was closed, the time is over) it fails: it
 *  throws, or ends and status() says why. `end_status` is what C says behind the last event. */
template <class Handle, vial_status (*next)(Handle *, std::uint32_t, ::vial_event *),
          vial_status end_status>
class Events {
public:
  /** Events of what `handle` stands for, each within `timeout`. */
  Events(Handle *handle, Timeout timeout) noexcept
      : handle_(handle), milliseconds_(detail::milliseconds(timeout)), status_(VIAL_STATUS_OK),
        event_() {}

  /** Where a loop is. It only moves forward, and all that are made of one range move together. */
  class Iterator {
  public:
    /** Iterators read once. */
    using iterator_category = std::input_iterator_tag;
    /** What it reads. */
    using value_type = Event;
    /** Of no use here. */
    using difference_type = std::ptrdiff_t;
    /** To an event. */
    using pointer = const Event *;
    /** An event. */
    using reference = const Event &;

    /** At the range's event; NULL: behind the last. */
    explicit Iterator(Events *range) noexcept : range_(range) {}
    /** The same position. */
    Iterator(const Iterator &other) noexcept = default;
    /** The same position as the other. */
    Iterator &operator=(const Iterator &other) noexcept = default;
    /** The range stays. */
    ~Iterator() = default;

    /** The event. */
    reference operator*() const noexcept { return range_->event_; }
    /** The event. */
    pointer operator->() const noexcept { return &range_->event_; }
    /** Takes the next one. */
    Iterator &operator++() {
      if (!range_->take()) range_ = nullptr;
      return *this;
    }
    /** Whether both are behind the last event, or neither. */
    bool operator==(const Iterator &other) const noexcept { return range_ == other.range_; }
    /** Whether one is behind the last event. */
    bool operator!=(const Iterator &other) const noexcept { return range_ != other.range_; }

  private:
    Events *range_;
  };

  /** The other reads on. */
  Events(const Events &other) = default;
  /** Reads on where the other is. */
  Events &operator=(const Events &other) = default;
  /** The request stays. */
  ~Events() = default;

  /** Takes the first event. */
  Iterator begin() { return Iterator(take() ? this : nullptr); }
  /** Behind the last. */
  Iterator end() noexcept { return Iterator(nullptr); }

  /** Status::ok while there are events; then what ended them, Status::finished (Status::closed
   *  of an engine) being the usual. */
  Status status() const noexcept { return static_cast<Status>(status_); }

private:
  bool take() {
    status_ = next(handle_, milliseconds_, &event_.raw());
    if (status_ == VIAL_STATUS_OK) return true;
#if !VIAL_CPP_RESULTS
    if (status_ != end_status) throw Error(static_cast<Status>(status_));
#endif
    return false;
  }

  Handle *handle_;
  std::uint32_t milliseconds_;
  vial_status status_;
  Event event_;
};

/** Events of one request. */
using RequestEvents = Events<vial_request, vial_request_next_event, VIAL_STATUS_FINISHED>;

/** Events of all requests of an engine that have no callback. */
using EngineEvents = Events<vial_engine, vial_engine_next_event, VIAL_STATUS_CLOSED>;

/** Pieces of one part of an answer as they come, for `for (std::string_view piece : ...)`; none
 *  is empty. A request whose computation fails fails here, too: it throws, or ends the loop and
 *  status() says why. Whether the answer is complete is finish_reason()'s. */
class Pieces {
public:
  /** Of `part` of the request whose events these are. */
  Pieces(RequestEvents events, AnswerPart part) noexcept
      : events_(std::move(events)), at_(nullptr), part_(part), piece_(),
        reason_(FinishReason::none), status_(Status::ok) {}

  /** Where a loop is. */
  class Iterator {
  public:
    /** Iterators read once. */
    using iterator_category = std::input_iterator_tag;
    /** What it reads. */
    using value_type = std::string_view;
    /** Of no use here. */
    using difference_type = std::ptrdiff_t;
    /** To a piece. */
    using pointer = const std::string_view *;
    /** A piece. */
    using reference = const std::string_view &;

    /** At the range's piece; NULL: behind the last. */
    explicit Iterator(Pieces *range) noexcept : range_(range) {}
    /** The same position. */
    Iterator(const Iterator &other) noexcept = default;
    /** The same position as the other. */
    Iterator &operator=(const Iterator &other) noexcept = default;
    /** The range stays. */
    ~Iterator() = default;

    /** The piece. */
    reference operator*() const noexcept { return range_->piece_; }
    /** The piece. */
    pointer operator->() const noexcept { return &range_->piece_; }
    /** Takes the next one. */
    Iterator &operator++() {
      if (!range_->take()) range_ = nullptr;
      return *this;
    }
    /** Whether both are behind the last piece, or neither. */
    bool operator==(const Iterator &other) const noexcept { return range_ == other.range_; }
    /** Whether one is behind the last piece. */
    bool operator!=(const Iterator &other) const noexcept { return range_ != other.range_; }

  private:
    Pieces *range_;
  };

  /** Loops read it where it is. */
  Pieces(const Pieces &) = delete;
  /** Loops read it where it is. */
  Pieces &operator=(const Pieces &) = delete;
  /** The request stays. */
  ~Pieces() = default;

  /** Takes the first piece. */
  Iterator begin() { return Iterator(take() ? this : nullptr); }
  /** Behind the last. */
  Iterator end() noexcept { return Iterator(nullptr); }

  /** Why the request ended; FinishReason::none before that. */
  FinishReason finish_reason() const noexcept { return reason_; }
  /** Status::ok, or why there are no more pieces before the end, or what failed in computing. */
  Status status() const noexcept { return status_; }

private:
  bool take() {
    while (reason_ == FinishReason::none) {
      if (at_ == RequestEvents::Iterator(nullptr)) at_ = events_.begin();
      else ++at_;
      if (at_ == events_.end()) {
        status_ = events_.status();
        return false;
      }
      reason_ = at_->finish_reason();
      if (reason_ == FinishReason::error) {
        status_ = at_->status();
#if !VIAL_CPP_RESULTS
        throw Error(status_);
#endif
      }
      piece_ = at_->text();
      if (at_->part() == part_ && !piece_.empty()) return true;
    }
    return false;
  }

  RequestEvents events_;
  RequestEvents::Iterator at_;
  AnswerPart part_;
  std::string_view piece_;
  FinishReason reason_;
  Status status_;
};

/** What can be done with a request, whoever owns it. Any thread, callbacks included. */
class RequestFunctions {
public:
  /** The C handle. */
  vial_request *handle() const noexcept { return handle_; }

  /** Waits for the next event. Status::ok, timed_out, finished (the last one was delivered before),
   *  closed, invalid_handle, or invalid_argument (the request has a callback). */
  [[nodiscard]] Status next_event(Event &out_event, Timeout timeout = wait_forever) const noexcept {
    return static_cast<Status>(
        vial_request_next_event(handle_, detail::milliseconds(timeout), &out_event.raw()));
  }

  /** Events as they come, each within `timeout`. */
  RequestEvents events(Timeout timeout = wait_forever) const noexcept {
    return RequestEvents(handle_, timeout);
  }

  /** Pieces of one part of the answer as they come, each event within `timeout`. */
  Pieces pieces(AnswerPart part = AnswerPart::answer,
                Timeout timeout = wait_forever) const noexcept {
    return Pieces(RequestEvents(handle_, timeout), part);
  }

  /** Waits for the end, each event within `timeout`; then all of it. A request whose computation
   *  failed fails here, too. */
  Result<Answer> answer(Timeout timeout = wait_forever) const {
    Event event;
    vial_status status = VIAL_STATUS_OK;
    while (status == VIAL_STATUS_OK)
      status = vial_request_next_event(handle_, detail::milliseconds(timeout), &event.raw());
    if (status != VIAL_STATUS_FINISHED) VIAL_CPP_FAIL(Error(static_cast<Status>(status)));
    vial_request_info filled = VIAL_REQUEST_INFO_INIT;
    status = vial_request_get_info(handle_, &filled);
    if (status == VIAL_STATUS_OK) status = filled.status;
    Answer answer;
    answer.finish_reason = static_cast<FinishReason>(filled.finish_reason);
    if (status == VIAL_STATUS_OK) status = copy_text(answer.text, AnswerPart::answer);
    if (status == VIAL_STATUS_OK) status = copy_text(answer.reasoning, AnswerPart::reasoning);
    if (status == VIAL_STATUS_OK) status = copy(answer.tokens, vial_request_copy_tokens);
    return detail::done<Answer>(status, detail::no_details, std::move(answer));
  }

  /** Asks the request to end; its last event still comes. */
  Status cancel() const noexcept { return static_cast<Status>(vial_request_cancel(handle_)); }

  /** State and counts. */
  Result<RequestInfo> info() const {
    ::vial_request_info filled = VIAL_REQUEST_INFO_INIT;
    const vial_status status = vial_request_get_info(handle_, &filled);
    return detail::done<RequestInfo>(status, detail::no_details, RequestInfo(filled));
  }

  /** The text of one part so far. */
  Result<std::string> text(AnswerPart part = AnswerPart::answer) const {
    std::string out;
    const vial_status status = copy_text(out, part);
    return detail::done<std::string>(status, detail::no_details, std::move(out));
  }

  /** The token ids so far. */
  Result<std::vector<Token>> tokens() const {
    std::vector<Token> out;
    const vial_status status = copy(out, vial_request_copy_tokens);
    return detail::done<std::vector<Token>>(status, detail::no_details, std::move(out));
  }

  /** Log-probabilities of the prompt's tokens so far, with RequestFlags::score_prompt; NaN for the
   *  first. */
  Result<std::vector<float>> prompt_scores() const {
    std::vector<float> out;
    const vial_status status = copy(out, vial_request_copy_prompt_scores);
    return detail::done<std::vector<float>>(status, detail::no_details, std::move(out));
  }

  /** The likeliest tokens at one position of the prompt, best first, with
   *  RequestFlags::score_prompt; none for the first. */
  Result<std::vector<Alternative>> prompt_alternatives(std::uint64_t index) const {
    std::vector<Alternative> out;
    const auto at = [index](vial_request *request, Alternative *buffer, std::uint64_t capacity,
                            std::uint64_t *needed) {
      return vial_request_copy_prompt_alternatives(request, index, buffer, capacity, needed);
    };
    const vial_status status = copy(out, at);
    return detail::done<std::vector<Alternative>>(status, detail::no_details, std::move(out));
  }

  /** Whether both are the same request. */
  friend bool operator==(const RequestFunctions &one, const RequestFunctions &other) noexcept {
    return one.handle_ == other.handle_;
  }
  /** Whether they are two requests. */
  friend bool operator!=(const RequestFunctions &one, const RequestFunctions &other) noexcept {
    return one.handle_ != other.handle_;
  }

protected:
  /** Of a handle. */
  explicit RequestFunctions(vial_request *handle) noexcept : handle_(handle) {}
  /** The same request. */
  RequestFunctions(const RequestFunctions &) noexcept = default;
  /** The same request. */
  RequestFunctions &operator=(const RequestFunctions &) noexcept = default;
  /** Closes nothing. */
  ~RequestFunctions() = default;

  /** The request; NULL: none. */
  vial_request *handle_;

private:
  /** An answer grows while it is copied: `function` is called until what it copies fits. */
  template <class Container, class Function>
  vial_status copy(Container &out, Function function) const {
    std::uint64_t needed = 0;
    vial_status status = VIAL_STATUS_OK;
    while ((status = function(handle_, out.data(), out.size(), &needed)) ==
               VIAL_STATUS_BUFFER_TOO_SMALL &&
           needed > out.size())
      out.resize(static_cast<std::size_t>(needed));
    if (status == VIAL_STATUS_OK) out.resize(static_cast<std::size_t>(needed));
    return status;
  }

  vial_status copy_text(std::string &out, AnswerPart part) const {
    return copy(out, [part](vial_request *request, char *buffer, std::uint64_t capacity,
                            std::uint64_t *needed) {
      return vial_request_copy_text(request, detail::number(part), buffer, capacity, needed);
    });
  }
};

/** A request that somebody else owns: what an event tells, or what another thread needs in order to
 *  cancel. It may outlive the request: it is Status::invalid_handle then. */
class RequestRef : public RequestFunctions {
public:
  /** Of a C handle. */
  explicit RequestRef(vial_request *handle) noexcept : RequestFunctions(handle) {}
};

inline RequestRef Event::request() const noexcept { return RequestRef(event_.request); }

} // namespace VIAL_CPP_KIND

/** What all kinds of translation units share; no part of this header's promises. */
namespace shared {

/** How many callbacks of this header the calling thread is in, as a delivery thread. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
inline thread_local unsigned callback_depth = 0;

} // namespace shared

inline namespace VIAL_CPP_KIND {

/** How serious a line of the log is. */
enum class LogLevel : std::uint32_t {
  /** For information. */
  info = VIAL_LOG_INFO,
  /** Something to look at. */
  warning = VIAL_LOG_WARNING
};

/** Called on the engine's delivery thread with one sentence, valid during the call, never with text
 *  of a prompt, an answer or a file. */
using Log = std::function<void(LogLevel level, std::string_view message)>;

/** Allocates `byte_count` bytes at a multiple of `alignment`; NULL (or an exception): memory is
 *  short. Any thread; must not call libvial. */
using Allocate = std::function<void *(std::uint64_t byte_count, std::uint64_t alignment)>;

/** Releases what Allocate returned; it was wiped. Any thread; must not call libvial, nor throw. */
using Release = std::function<void(void *memory, std::uint64_t byte_count)>;

/** Flags of an engine. */
enum class EngineFlags : std::uint32_t {
  /** None. */
  none = 0,
  /** No prefix caching. */
  no_sharing = VIAL_ENGINE_NO_SHARING,
  /** All memory of the engine is locked, the KV cache included. */
  lock_memory = VIAL_ENGINE_LOCK_MEMORY
};
/** They may be combined. */
template <> struct IsFlags<EngineFlags> : std::true_type {};

/** What the system refused for memory that may contain text, ids or what is computed from them. */
enum class MemoryFlags : std::uint32_t {
  /** Everything is locked and in no core dump. */
  none = 0,
  /** Some memory for text and ids can be swapped out. */
  text_unlocked = VIAL_MEMORY_TEXT_UNLOCKED,
  /** Some memory for activations, logits and scratch can be swapped out. */
  work_unlocked = VIAL_MEMORY_WORK_UNLOCKED,
  /** The KV cache can be swapped out. */
  cache_unlocked = VIAL_MEMORY_CACHE_UNLOCKED,
  /** Some memory may be in core dumps. */
  dumpable = VIAL_MEMORY_DUMPABLE
};
/** They may be combined. */
template <> struct IsFlags<MemoryFlags> : std::true_type {};

/** What an engine is and holds: the members of vial_engine_info. */
struct EngineInfo : ::vial_engine_info {
  /** What a C function filled in. */
  explicit EngineInfo(const ::vial_engine_info &filled) noexcept : ::vial_engine_info(filled) {}
  /** Whether all of `wanted` hold of its memory. */
  bool has(MemoryFlags wanted) const noexcept {
    return vial::has(static_cast<MemoryFlags>(memory_flags), wanted);
  }
};

/** Counters and gauges of an engine. */
using EngineMetrics = ::vial_engine_metrics;

/** Options of Engine::open; vial_engine_options has the range of each member. */
struct EngineOptions {
  /** Flags. */
  EngineFlags flags = EngineFlags::none;
  /** Number type of cached keys and values: the only option here that changes an answer. */
  CacheType cache_type = CacheType::f16;
  /** Threads that compute; 0: as many as affinity and quota allow. */
  std::uint32_t thread_count = 0;
  /** Most bytes of KV cache; 0: enough for 32,768 tokens. */
  std::uint64_t cache_byte_limit = 0;
  /** A name of isa_names(); absent: the fastest. */
  std::string_view isa{};
  /** Most requests that wait; 0: 1024. */
  std::uint32_t queue_limit = 0;
  /** Most requests of one tenant that wait; 0: queue_limit. */
  std::uint32_t tenant_queue_limit = 0;
  /** Most requests that are computed together; 0: 64. */
  std::uint32_t running_limit = 0;
  /** Prefill tokens per step while others are decoding; 0: adaptive. */
  std::uint32_t step_prompt_tokens = 0;
  /** Told what the engine does; may be empty. */
  Log log{};
  /** Allocates the KV cache and the other large buffers; empty: the system does. */
  Allocate allocate{};
  /** Empty if and only if allocate is. */
  Release release{};
};

namespace detail {

/** Calls what must not throw: what it throws is dropped. */
template <class Call> void guarded(Call call) noexcept {
#if VIAL_CPP_HAS_EXCEPTIONS
  try {
    call();
  } catch (...) {
    // There is nobody to tell.
  }
#else
  call();
#endif
}

class EventContext;

/** While it lives, the calling thread is in a callback. */
class CallbackScope {
public:
  /** Begins. */
  CallbackScope() noexcept { ++shared::callback_depth; }
  /** Ends. */
  ~CallbackScope() { --shared::callback_depth; }
  /** One a callback. */
  CallbackScope(const CallbackScope &) = delete;
  /** One a callback. */
  CallbackScope &operator=(const CallbackScope &) = delete;
};

/** An engine's callbacks, and contexts of requests that were closed inside of a callback. Those may
 *  still be in use on the engine's delivery thread, so they wait here until that thread comes by
 *  again or has ended. */
class EngineState {
public:
  /** With an engine's callbacks. */
  explicit EngineState(const EngineOptions &options)
      : log_(options.log), allocate_(options.allocate), release_(options.release), lock_(),
        retired_(nullptr), has_retired_(false), is_closed_(false), self_(), next_(nullptr) {}
  /** Contexts point to it. */
  EngineState(const EngineState &) = delete;
  /** Contexts point to it. */
  EngineState &operator=(const EngineState &) = delete;
  /** Nobody delivers any more. */
  ~EngineState() { purge(); }

  /** Sets callbacks and their contexts. */
  void fill(vial_engine_options &options) noexcept {
    if (log_) {
      options.log = report;
      options.log_context = this;
    }
    if (allocate_) options.allocate = allocate;
    if (release_) options.release = release;
    if (allocate_ || release_) options.memory_context = this;
  }

  /** Takes a context whose request was closed. */
  void retire(std::unique_ptr<EventContext> context) noexcept;

  /** Frees what was retired. */
  void purge() noexcept;

  /** The delivery thread has ended. */
  void set_closed() noexcept {
    {
      const std::lock_guard<std::mutex> guard(lock_);
      is_closed_ = true;
    }
    purge();
  }

  /** The engine could not be closed: its threads use this as long as the process lives. */
  static void abandon(const std::shared_ptr<EngineState> &state) noexcept {
    state->self_ = state;
    state->next_ = abandoned_.exchange(state.get());
  }

private:
  static void report(void *context, vial_log_level level, const char *message) noexcept {
    auto *self = static_cast<EngineState *>(context);
    const CallbackScope scope;
    guarded([self, level, message] { self->log_(static_cast<LogLevel>(level), message); });
  }

  static void *allocate(void *context, std::uint64_t byte_count, std::uint64_t alignment) noexcept {
    auto *self = static_cast<EngineState *>(context);
    void *memory = nullptr;
    guarded([self, byte_count, alignment, &memory] {
      memory = self->allocate_(byte_count, alignment);
    });
    return memory;
  }

  static void release(void *context, void *memory, std::uint64_t byte_count) noexcept {
    auto *self = static_cast<EngineState *>(context);
    guarded([self, memory, byte_count] { self->release_(memory, byte_count); });
  }

  Log log_;
  Allocate allocate_;
  Release release_;
  std::mutex lock_;
  EventContext *retired_;
  std::atomic<bool> has_retired_;
  bool is_closed_;
  std::shared_ptr<EngineState> self_;
  EngineState *next_;
  /** Those that stay, where a search for leaks finds them. */
  static inline std::atomic<EngineState *> abandoned_{nullptr};
};

/** A request's callback, and what it threw. */
class EventContext {
public:
  /** Of a callback of a request of an engine. */
  EventContext(EventCallback function, std::shared_ptr<EngineState> engine)
      : function_(std::move(function)), engine_(std::move(engine)), next_(nullptr),
        was_closed_inside_(false), has_failed_(false)
#if VIAL_CPP_HAS_EXCEPTIONS
        ,
        lock_(), failure_()
#endif
  {
  }
  /** C points to it. */
  EventContext(const EventContext &) = delete;
  /** C points to it. */
  EventContext &operator=(const EventContext &) = delete;
  /** The callback goes. */
  ~EventContext() = default;

  /** What C calls. */
  static void deliver(void *context, const ::vial_event *event) noexcept {
    auto *self = static_cast<EventContext *>(context);
    // The callback may destroy its request, and with it the last other owner of the engine's state.
    const std::shared_ptr<EngineState> engine = self->engine_;
    const CallbackScope scope;
    self->call(Event(*event));
    // No other callback of this engine runs, and this one has ended.
    engine->purge();
  }

  /** Notes that the request is closed, by a thread that is in a callback: libvial does not wait for
   *  this one then. */
  void set_closed_inside() noexcept { was_closed_inside_ = true; }

  /** Frees a context whose request was closed, at once or when nobody uses it. */
  static void dispose(std::unique_ptr<EventContext> context) noexcept {
    if (!context || !context->was_closed_inside_) return;
    const std::shared_ptr<EngineState> engine = context->engine_;
    engine->retire(std::move(context));
  }

#if VIAL_CPP_HAS_EXCEPTIONS
  /** What the callback threw. */
  std::exception_ptr failure() const {
    const std::lock_guard<std::mutex> guard(lock_);
    return failure_;
  }
#endif

private:
  friend class EngineState;

  void call(const Event &event) noexcept {
    if (has_failed_) return;
#if VIAL_CPP_HAS_EXCEPTIONS
    try {
      function_(event);
    } catch (...) {
      has_failed_ = true;
      const std::lock_guard<std::mutex> guard(lock_);
      failure_ = std::current_exception();
      vial_request_cancel(event.request().handle());
    }
#else
    function_(event);
#endif
  }

  EventCallback function_;
  std::shared_ptr<EngineState> engine_;
  EventContext *next_;
  std::atomic<bool> was_closed_inside_;
  bool has_failed_;
#if VIAL_CPP_HAS_EXCEPTIONS
  mutable std::mutex lock_;
  std::exception_ptr failure_;
#endif
};

inline void EngineState::retire(std::unique_ptr<EventContext> context) noexcept {
  const std::lock_guard<std::mutex> guard(lock_);
  // Freed by the caller, behind the lock: its callback may own anything.
  if (is_closed_) return;
  context->next_ = retired_;
  retired_ = context.release();
  has_retired_ = true;
}

inline void EngineState::purge() noexcept {
  if (!has_retired_) return;
  EventContext *list = nullptr;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    has_retired_ = false;
    list = std::exchange(retired_, nullptr);
  }
  while (list != nullptr) delete std::exchange(list, list->next_);
}

} // namespace detail

/** One generation, which is closed when this goes. */
class Request : public RequestFunctions {
public:
  /** None yet: every call is Status::invalid_handle. */
  Request() noexcept : RequestFunctions(nullptr), context_() {}

  /** The other has none afterwards. */
  Request(Request &&other) noexcept
      : RequestFunctions(std::exchange(other.handle_, nullptr)),
        context_(std::move(other.context_)) {}

  /** Closes this one first. */
  Request &operator=(Request &&other) noexcept {
    if (this != &other) {
      end();
      handle_ = std::exchange(other.handle_, nullptr);
      context_ = std::move(other.context_);
    }
    return *this;
  }

  /** A request has one owner. */
  Request(const Request &) = delete;
  /** A request has one owner. */
  Request &operator=(const Request &) = delete;

  /** Closes the request. From a thread of the host it waits for a running callback of this request;
   *  the callback and what it captured are gone afterwards. In a callback it does not wait, and the
   *  captures go when no callback of the request's engine runs. */
  ~Request() { end(); }

  /** Closes the request: cancels it and wipes its text. No callback of it begins afterwards; see
   *  the destructor for one that runs. Any thread, callbacks included. */
  void close() const noexcept {
    if (context_ && shared::callback_depth > 0) context_->set_closed_inside();
    vial_request_close(handle_);
  }

  /** The same request for those who do not own it. */
  RequestRef ref() const noexcept { return RequestRef(handle_); }

#if VIAL_CPP_HAS_EXCEPTIONS
  /** What the callback threw; it was not called again, and the request was cancelled. NULL:
   *  nothing. */
  std::exception_ptr callback_failure() const {
    return context_ ? context_->failure() : std::exception_ptr();
  }
#endif

private:
  friend class Engine;

  void end() noexcept {
    close();
    handle_ = nullptr;
    detail::EventContext::dispose(std::move(context_));
  }

  std::unique_ptr<detail::EventContext> context_;
};

// ==== Engines ====================================================================================

/** Answers requests over one model. All const functions may run on several threads at once. */
class Engine {
public:
  /** None yet: every call is Status::invalid_handle. */
  Engine() noexcept : handle_(nullptr), state_() {}

  /** Opens an engine over a model, which may be closed afterwards. See vial_engine_open. */
  static Result<Engine> open(const Model &model, const EngineOptions &options = EngineOptions()) {
    if (!detail::is_c_string(options.isa)) VIAL_CPP_FAIL(Error(Status::invalid_argument));
    const std::string isa(options.isa);
    vial_engine_options filled = VIAL_ENGINE_OPTIONS_INIT;
    filled.flags = detail::number(options.flags);
    filled.cache_type = detail::number(options.cache_type);
    filled.thread_count = options.thread_count;
    filled.cache_byte_limit = options.cache_byte_limit;
    filled.isa = options.isa.data() == nullptr ? nullptr : isa.c_str();
    filled.queue_limit = options.queue_limit;
    filled.tenant_queue_limit = options.tenant_queue_limit;
    filled.running_limit = options.running_limit;
    filled.step_prompt_tokens = options.step_prompt_tokens;
    Engine engine;
    engine.state_ = std::make_shared<detail::EngineState>(options);
    engine.state_->fill(filled);
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status =
        vial_engine_open(model.handle(), &filled, &engine.handle_, &details);
    return detail::done<Engine>(status, details, std::move(engine));
  }

  /** The other has none afterwards. */
  Engine(Engine &&other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), state_(std::move(other.state_)) {}

  /** Closes this one first. */
  Engine &operator=(Engine &&other) noexcept {
    if (this != &other) {
      end();
      handle_ = std::exchange(other.handle_, nullptr);
      state_ = std::move(other.state_);
    }
    return *this;
  }

  /** An engine has one owner. */
  Engine(const Engine &) = delete;
  /** An engine has one owner. */
  Engine &operator=(const Engine &) = delete;

  /** Closes the engine. In a callback, where no engine can be closed, it stays open as long as the
   *  process lives, with its callbacks: do not destroy engines there. */
  ~Engine() { end(); }

  /** Closes the engine: cancels requests, delivers the last events and joins the threads. Requests
   *  keep their text. Status::ok, in_callback (nothing was closed), invalid_handle (it was closed
   *  before), or forked. */
  Status close() const noexcept {
    const auto status = static_cast<Status>(vial_engine_close(handle_));
    // Not in the child of a fork, where a lock may have stayed taken.
    if (state_ && status == Status::ok) state_->set_closed();
    return status;
  }

  /** The C handle, still owned by this. */
  vial_engine *handle() const noexcept { return handle_; }

  /** Submits a request. A callback may run before this returns. See vial_engine_submit. */
  Result<Request> submit(const RequestOptions &options) const {
    if (options.deadline.count() < 0) VIAL_CPP_FAIL(Error(Status::invalid_argument));
    const detail::Messages messages(options.messages);
    const std::vector<vial_template_value> values = detail::values(options.template_values);
    const std::vector<vial_text> stops = detail::texts(options.stops);
    const std::vector<vial_text> choices = detail::texts(options.choices);
    const ::vial_sampling_options sampling =
        options.sampling ? options.sampling->options() : Sampling().options();
    vial_request_options filled = VIAL_REQUEST_OPTIONS_INIT;
    fill(filled, options);
    filled.messages = messages.list().data();
    filled.message_count = messages.list().size();
    filled.message_fields = messages.fields().empty() ? nullptr : messages.fields().data();
    filled.template_values = values.data();
    filled.template_value_count = values.size();
    filled.sampling = options.sampling ? &sampling : nullptr;
    filled.stops = stops.data();
    filled.stop_count = stops.size();
    filled.choices = choices.data();
    filled.choice_count = choices.size();
    Request request;
    if (options.on_event && state_) {
      request.context_ = std::make_unique<detail::EventContext>(options.on_event, state_);
      filled.on_event = detail::EventContext::deliver;
      filled.event_context = request.context_.get();
    }
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status = vial_engine_submit(handle_, &filled, &request.handle_, &details);
    return detail::done<Request>(status, details, std::move(request));
  }

  /** Submits one user message with everything else by default. */
  Result<Request> submit(std::string_view text) const {
    RequestOptions options;
    options.text = text;
    return submit(options);
  }

  /** Waits for the next event of any request without a callback: Status::ok, timed_out, closed (all
   *  events were delivered), or invalid_handle. */
  [[nodiscard]] Status next_event(Event &out_event, Timeout timeout = wait_forever) const noexcept {
    return static_cast<Status>(
        vial_engine_next_event(handle_, detail::milliseconds(timeout), &out_event.raw()));
  }

  /** Events of all requests without a callback as they come, each within `timeout`, until the
   *  engine is closed. */
  EngineEvents events(Timeout timeout = wait_forever) const noexcept {
    return EngineEvents(handle_, timeout);
  }

  /** A file descriptor for poll(2), readable while next_event may have something. It is the
   *  engine's. */
  Result<int> event_descriptor() const {
    std::int32_t descriptor = -1;
    const vial_status status = vial_engine_get_event_descriptor(handle_, &descriptor);
    return detail::done<int>(status, detail::no_details, descriptor);
  }

  /** What the engine is and holds. */
  Result<EngineInfo> info() const {
    ::vial_engine_info filled = VIAL_ENGINE_INFO_INIT;
    const vial_status status = vial_engine_get_info(handle_, &filled);
    return detail::done<EngineInfo>(status, detail::no_details, EngineInfo(filled));
  }

  /** Sets a tenant's weight in fair queueing; an absent tenant: requests without one. */
  Result<void> set_weight(std::string_view tenant, double weight) const {
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status =
        vial_engine_set_weight(handle_, detail::text(tenant), weight, &details);
    return detail::done(status, details);
  }

  /** Evicts and wipes what finished requests of a tenant left. */
  Result<void> clear_tenant(std::string_view tenant) const {
    vial_error details = VIAL_ERROR_INIT;
    const vial_status status = vial_engine_clear_tenant(handle_, detail::text(tenant), &details);
    return detail::done(status, details);
  }

  /** Counters and gauges. */
  Result<EngineMetrics> metrics() const {
    EngineMetrics filled = VIAL_ENGINE_METRICS_INIT;
    const vial_status status = vial_engine_get_metrics(handle_, &filled);
    return detail::done<EngineMetrics>(status, detail::no_details, filled);
  }

  /** The same in Prometheus' exposition format. */
  Result<std::string> metrics_text() const {
    return detail::copied<std::string>(
        16384, [this](char *out, std::uint64_t capacity, std::uint64_t *length, vial_error *) {
          return vial_engine_copy_metrics_text(handle_, out, capacity, length);
        });
  }

private:
  static void fill(vial_request_options &filled, const RequestOptions &options) noexcept {
    filled.flags = detail::number(options.flags);
    filled.text = detail::text(options.text);
    filled.tools = detail::text(options.tools);
    filled.tokens = options.tokens.data();
    filled.token_count = options.tokens.size();
    filled.template_id = detail::text(options.template_id);
    filled.prefill = detail::text(options.prefill);
    filled.seed = options.seed;
    filled.sample_index = options.sample_index;
    filled.max_tokens = options.max_tokens;
    filled.max_reasoning_tokens = options.max_reasoning_tokens;
    filled.alternative_count = options.alternative_count;
    filled.schema = detail::text(options.schema);
    filled.adapter = detail::text(options.adapter);
    filled.adapter_scale = options.adapter_scale;
    filled.priority = options.priority;
    filled.tenant = detail::text(options.tenant);
    filled.deadline_milliseconds = static_cast<std::uint64_t>(options.deadline.count());
  }

  void end() noexcept {
    const Status status = close();
    if (state_ && status == Status::in_callback) detail::EngineState::abandon(state_);
    handle_ = nullptr;
    state_.reset();
  }

  vial_engine *handle_;
  std::shared_ptr<detail::EngineState> state_;
};

} // namespace VIAL_CPP_KIND
} // namespace vial

#undef VIAL_CPP_FAIL

#endif
