/* vial.h: medical language models from one mapped file.
 *
 * Owns: the whole contract between libvial and its callers; this page is the manual.
 * Must not: hold code. Functions are implemented in Sources/VialABI, which the compiler checks
 * against this page.
 *
 * CONTENTS
 *
 *   Basics     versions, statuses, texts, errors
 *   I.         Ask a question: the smallest program
 *   II.        Models and files: open, describe, adapters, verify
 *   III.       Engines and requests: options, submit, events, cancel, results
 *   IV.        Tokens, templates, scoring, metrics
 *
 * OBJECTS
 *
 *   vial_model      constructor  vial_model_open
 *                   destructor   vial_model_close
 *                   functions    vial_model_get_info, _copy_text, _get_adapter_info,
 *                                _copy_adapter_name, _verify, _get_sampling, _encode, _decode,
 *                                _copy_token_bytes, _render_chat_template, _copy_template_text,
 *                                _render_prompt_template, _score; vial_engine_open
 *   vial_engine     constructor  vial_engine_open (of a model)
 *                   destructor   vial_engine_close
 *                   functions    vial_engine_submit, _next_event, _get_event_descriptor, _get_info,
 *                                _set_weight, _clear_tenant, _get_metrics, _copy_metrics_text
 *   vial_request    constructor  vial_engine_submit
 *                   destructor   vial_request_close
 *                   functions    vial_request_next_event, _cancel, _get_info, _copy_text,
 *                                _copy_tokens, _copy_prompt_scores, _copy_prompt_alternatives
 *
 * WHAT HOLDS EVERYWHERE
 *
 * - A function returns a vial_status, or is void, or is a plain getter that cannot fail. Nothing
 *   here aborts, exits, writes to stdout or stderr, installs a signal handler or reads an
 *   environment variable.
 * - Files, texts, token ids, lengths and struct sizes may be hostile: each is checked before its
 *   use. Pointers are the caller's word: NULL and misaligned ones are refused, others must point to
 *   what is described.
 * - Text is UTF-8 given as pointer and byte length (vial_text); it needs no terminating zero and
 *   may contain zeros. A text whose pointer is NULL and whose length is 0 is absent. The caller
 *   keeps a text valid and unchanged during the call.
 * - The library wipes the copies of texts that it made: before a call returns; of a request, before
 *   its last event is delivered (prompt, ids, stop strings, activations, logits) and when it is
 *   closed (the answer, scores of the prompt). Whatever the library frees is zeros. Keys and values
 *   that the model computed from a text may stay in the prefix cache for later prompts of the same
 *   tenant with the same prefix, until they are evicted, vial_engine_clear_tenant or
 *   vial_engine_close; then they are wiped. VIAL_REQUEST_PRIVATE and VIAL_ENGINE_NO_SHARING leave
 *   nothing. Compiled schemas and choices, and the states that answers reached in them, are cached
 *   for later requests of the same tenant until vial_engine_clear_tenant; those of a
 *   VIAL_REQUEST_PRIVATE request are not.
 * - Outputs come last and are named out_.... They belong to the caller and must not overlap the
 *   inputs.
 * - get_ functions fill a struct or a value; copy_, encode_, decode_ and render_ functions fill a
 *   buffer. A buffer comes as pointer, capacity (in elements) and the number that was needed. The
 *   pointer may be NULL when the capacity is 0. When the capacity is too small, the status is
 *   VIAL_STATUS_BUFFER_TOO_SMALL, the first `capacity` elements are written and the number needed
 *   is still set: ask again with a larger buffer.
 * - out_error: functions that open or submit, and those that read the file, a text, token ids or
 *   options, take one, always last; it may be NULL. Functions that only report on, wait for, cancel
 *   or close an object take none: their status says everything.
 * - A struct begins with struct_size, its size as the caller was compiled. The _INIT macro sets it
 *   and the defaults; a language that cannot read macros calls the _init function with the size of
 *   its own struct. A size below that of this header's first release, or above 4096, is
 *   VIAL_STATUS_INVALID_STRUCT_SIZE; so is every struct of header 0.1. Options of a newer header
 *   are accepted when all bytes that this library does not know are 0; such bytes of an output
 *   struct are set to 0.
 * - An enumeration is a uint32_t in every language, with a typedef that names it.
 * - Flags and reserved fields that are not described here must be 0, otherwise
 *   VIAL_STATUS_INVALID_ARGUMENT.
 * - Handles are not addresses. A handle that was closed, or never was one, is
 *   VIAL_STATUS_INVALID_HANDLE.
 * - Closing a model or a request cannot fail: NULL, closed handles and handles of the parent
 *   process are ignored, and the function is void. Closing an engine joins its threads, which is
 *   impossible from one of its callbacks: vial_engine_close therefore returns a status.
 * - Patient text is never part of a status, a message or anything else that might reach a log.
 * - Any function that takes a handle may also return VIAL_STATUS_INVALID_HANDLE,
 *   VIAL_STATUS_FORKED, and, unless it closes or cancels, VIAL_STATUS_OUT_OF_MEMORY. Any function
 *   that takes a struct may return VIAL_STATUS_INVALID_STRUCT_SIZE.
 *
 * MEMORY
 *
 * When memory is short, a function returns VIAL_STATUS_OUT_OF_MEMORY and has changed nothing; an
 * engine ends the request that ranks last with VIAL_FINISH_ERROR and that status, and continues
 * with the others. The process is not terminated, and every handle works again when there is
 * memory. Closing and cancelling need none; an event that could not be delivered comes with the
 * next call.
 *
 * Allocations whose size depends on a file or an argument can fail. For the rest, which cannot, the
 * library reserves memory before it begins: 2 MiB at all times; more during a call or a step that
 * needs it (some 50 MiB to render a template, 100 MiB to compile a schema); 1.5 KiB for each open
 * request, some 50 KiB more while it is computed. That is address space: what is not needed is not
 * touched. The host's malloc is used, and neither replaced nor configured. The stack, which no
 * library can reserve, is VIAL_STACK_BYTE_COUNT (THREADS).
 *
 * LIMITS
 *
 * Whatever a file or an argument holds, a call ends. Beyond 0.2 s of one core and 8 MiB for each
 * MiB of text or file that it must read, no call takes 1 s or 256 MiB, except those that compute
 * with weights and those that wait; more than 4 MiB of text under a tokenizer that was made to be
 * slow may take 0.4 s for each MiB. What would take more is refused. Limits count steps and not
 * seconds, so whether something is refused does not depend on the machine. Spec/SECURITY.md,
 * "Memory and time", lists each limit.
 *
 * THREADS
 *
 *   what           use from several threads   close
 *   -------------  -------------------------  ---------------------------------------------------
 *   vial_model     yes, at the same time      any thread, any time: running calls finish
 *   vial_engine    yes, at the same time      any thread but a delivery thread: joins its threads
 *   vial_request   yes, at the same time      any thread, any time: its events' pointers end, too
 *   structs        one thread at a time       (the caller's own memory)
 *
 * Callbacks of requests and the log run on one delivery thread per engine, never on a computing
 * thread, with no lock held, in order. They may submit, cancel and close requests; closing an
 * engine from one is VIAL_STATUS_IN_CALLBACK. No function waits for a callback when it is called
 * from one, so callbacks may use requests of other engines in any way, those whose callbacks use
 * theirs included. A callback must not wait for a thread of the host that waits for the callback:
 * one that closes its request or its engine, say.
 *
 * Every function works on a stack with VIAL_STACK_BYTE_COUNT bytes left. The library's own threads
 * have stacks of their own size, whatever the host's default is; callbacks have
 * VIAL_CALLBACK_STACK_BYTE_COUNT bytes or the default, whichever is larger.
 *
 * After fork, a handle of the parent is VIAL_STATUS_FORKED in the child, where the parent's threads
 * do not exist; closing it there releases nothing. Text and ids of the parent's requests are zeros
 * in the child, where the system supports that. The child may open models and engines of its own.
 *
 * THE ONE EXCEPTION
 *
 * A mapped file that somebody truncates while it is in use raises SIGBUS in this process. Replace
 * files by renaming, or open with VIAL_ACCESS_PRIVATE_COPY, which is immune. A mapped file whose
 * bytes somebody changes gives wrong answers or VIAL_STATUS_FORMAT, and never ends the process:
 * what is checked once is a copy, and what is too large to be copied is checked at each use.
 *
 * STABILITY
 *
 * Within one VIAL_ABI_VERSION symbols and numbers are neither removed nor changed, and structs grow
 * at their end. Until version 1.0 (SONAME libvial.so.0) VIAL_ABI_VERSION may change, with a table
 * in CHANGELOG.md: a program of the earlier ABI then fails to link or to load, or gets
 * VIAL_STATUS_INVALID_STRUCT_SIZE. Answers have a version of their own: vial_arithmetic_version.
 */
#ifndef VIAL_H
#define VIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ==== Basics ==================================================================================
 *
 * Versions, statuses, texts and errors: no function here takes a handle.
 */

/** Before every function that the library exports. */
#if defined(__GNUC__)
#define VIAL_API __attribute__((visibility("default")))
#else
#define VIAL_API
#endif

/** Before a function that a later version will not have; `message` names what to use instead. */
#if defined(__GNUC__)
#define VIAL_DEPRECATED(message) __attribute__((deprecated(message)))
#else
#define VIAL_DEPRECATED(message)
#endif

/* ---- Versions ------------------------------------------------------------------------------ */

/* Example: a host that loads the library itself finds out whether header and library match.
 *
 *     if (vial_abi_version() != VIAL_ABI_VERSION)
 *       fprintf(stderr, "libvial %s has another ABI\n", vial_version_text());
 *
 * See also: CHANGELOG.md, which has a table for every change of VIAL_ABI_VERSION.
 */

/** Version of this header: first number. */
#define VIAL_VERSION_MAJOR 0
/** Second number. */
#define VIAL_VERSION_MINOR 2
/** Third number. */
#define VIAL_VERSION_PATCH 0
/** All three as text. */
#define VIAL_VERSION_TEXT "0.2.0"
/** ABI of this header: layouts, signatures and numbers. Apart from the SONAME. */
#define VIAL_ABI_VERSION 1

/** Bytes of stack that any function of this header needs. */
#define VIAL_STACK_BYTE_COUNT 65536u
/** Bytes of stack that callbacks have at least. */
#define VIAL_CALLBACK_STACK_BYTE_COUNT 1048576u

/** The library's version: major << 16 | minor << 8 | patch. Any thread, no handle. */
VIAL_API uint32_t vial_version_number(void);

/** The library's version as text, "0.2.0". Static memory. Any thread. */
VIAL_API const char *vial_version_text(void);

/** What this library was built from, as a JSON object in ASCII. Members: "vial"
 *  (VIAL_VERSION_TEXT), "abi" (VIAL_ABI_VERSION, a number), "target", "swift", "compiler" (of its C
 *  sources), "lz4" and "libsodium" (texts). For logs, and to find out whether a vulnerability of
 *  one of them concerns this host; lib/libvial.spdx.json, which is installed, lists all components.
 *  Static memory. Any thread. */
VIAL_API const char *vial_build_info(void);

/** The library's ABI. It differs from VIAL_ABI_VERSION when header and library do not belong
 *  together: do not call anything else then. Any thread. */
VIAL_API uint32_t vial_abi_version(void);

/** The newest file format that the library reads: major << 16 | minor. Any thread. */
VIAL_API uint32_t vial_format_version(void);

/** The arithmetic: with the same number, the same file and the same request give the same bytes.
 *  Any thread. */
VIAL_API uint32_t vial_arithmetic_version(void);

/** Name of an instruction-set family that this CPU supports, fastest first ("avx512vnni", "avx2",
 *  "reference"), or NULL when `index` is not below their number. All compute the same bits. Static
 *  memory. Any thread. */
VIAL_API const char *vial_isa_name(uint32_t index);

/* ---- Statuses ------------------------------------------------------------------------------ */

/* Example: a status in a log.
 *
 *     vial_status status = vial_request_cancel(request);
 *     if (status != VIAL_STATUS_OK)
 *       fprintf(stderr, "%s (%s)\n", vial_status_message(status), vial_status_name(status));
 *
 * See also: vial_error, which has the details of one call.
 */

/** Result of a call: one of the numbers below. A later library may return numbers that are not
 *  listed here. */
typedef int32_t vial_status;

enum {
  /** Success. */
  VIAL_STATUS_OK = 0,
  /** A pointer is NULL or misaligned, or a number, flag or reserved field is out of range. */
  VIAL_STATUS_INVALID_ARGUMENT = 1,
  /** The handle was closed, or never was one. */
  VIAL_STATUS_INVALID_HANDLE = 2,
  /** struct_size is too small or too large, or bytes that this library does not know are not 0. */
  VIAL_STATUS_INVALID_STRUCT_SIZE = 3,
  /** A text is not valid UTF-8; byte_offset of the error says where. */
  VIAL_STATUS_INVALID_UTF8 = 4,
  /** A length or a count is above its limit. */
  VIAL_STATUS_TOO_LONG = 5,
  /** The output needs a larger buffer; the size needed was set. */
  VIAL_STATUS_BUFFER_TOO_SMALL = 6,
  /** Memory is short (see MEMORY above). Nothing was changed. */
  VIAL_STATUS_OUT_OF_MEMORY = 7,
  /** A system call failed; system_code of the error is its errno (0 when there is none). */
  VIAL_STATUS_SYSTEM = 8,
  /** The file breaks a rule; rule and byte_offset of the error say which (Spec/FORMAT.md) and
   *  where. Rule 0: its tokenizer makes a text too costly (VIAL_TOKENIZER_WORK_PER_BYTE). */
  VIAL_STATUS_FORMAT = 9,
  /** A token id is not in the model's vocabulary. */
  VIAL_STATUS_UNKNOWN_TOKEN = 10,
  /** The file does not contain what was asked for. */
  VIAL_STATUS_NOT_IN_FILE = 11,
  /** The chat template rejects these messages, or exceeds its limits; or values do not fit a prompt
   *  template. */
  VIAL_STATUS_TEMPLATE = 12,
  /** The computation met a value that is infinite or not a number: the weights are damaged. Also:
   *  schema, bans and biases left no token to choose. */
  VIAL_STATUS_NUMERIC = 13,
  /** The caller's callback asked to stop. */
  VIAL_STATUS_CANCELLED = 14,
  /** The handle belongs to the process that forked this one. */
  VIAL_STATUS_FORKED = 15,
  /** This CPU does not support the requested instruction-set family. */
  VIAL_STATUS_UNSUPPORTED_ISA = 16,
  /** More models, engines and requests are open than VIAL_HANDLE_LIMIT. */
  VIAL_STATUS_TOO_MANY_HANDLES = 17,
  /** None of the trusted keys signed the file as it is. */
  VIAL_STATUS_UNTRUSTED = 18,
  /** The answer cannot be constrained to this schema, or to these choices. */
  VIAL_STATUS_SCHEMA = 19,
  /** The engine's queue, or its tenant's part of it, is full: try again later. */
  VIAL_STATUS_BUSY = 20,
  /** The engine or the request was closed meanwhile. */
  VIAL_STATUS_CLOSED = 21,
  /** The time was over before anything happened. */
  VIAL_STATUS_TIMED_OUT = 22,
  /** The last event was delivered before. */
  VIAL_STATUS_FINISHED = 23,
  /** Not allowed from a callback. */
  VIAL_STATUS_IN_CALLBACK = 24
};

/** "VIAL_STATUS_OK" and so on; "VIAL_STATUS_UNKNOWN" for any other number. Static memory. Any
 *  thread. */
VIAL_API const char *vial_status_name(vial_status status);

/** One English sentence without a full stop, for logs. Static memory. Any thread. */
VIAL_API const char *vial_status_message(vial_status status);

/* ---- Texts and errors ---------------------------------------------------------------------- */

/* Example: an error says what, which rule of the format, and where.
 *
 *     vial_error error = VIAL_ERROR_INIT;
 *     if (vial_model_open(path, NULL, &model, &error) != VIAL_STATUS_OK)
 *       fprintf(stderr, "%s: %s\n", vial_status_name(error.status), error.message);
 *
 * See also: the rule for out_error in WHAT HOLDS EVERYWHERE; Spec/FORMAT.md, which has the rules.
 */

/** A text, or any bytes. */
typedef struct vial_text {
  /** UTF-8 where nothing else is said; NULL with length 0: absent. */
  const char *data;
  /** Bytes. */
  uint64_t length;
} vial_text;

/** The text of a zero-terminated string, which it points to; NULL: an absent one. Any thread. */
VIAL_API vial_text vial_text_from(const char *string);

/** Details of a failed call, in the caller's memory. Never contains text of a prompt, an answer or
 *  a file, nor a path. A function that takes one fills it whatever it returns, VIAL_STATUS_OK
 *  included, except VIAL_STATUS_INVALID_STRUCT_SIZE for this very struct. */
typedef struct vial_error {
  /** sizeof(vial_error). */
  uint32_t struct_size;
  /** What the function returned. */
  vial_status status;
  /** Number of the broken rule, as in R-203; 0 when there is none. */
  uint32_t rule;
  /** errno; 0 when there is none. */
  int32_t system_code;
  /** Where: a byte offset in the file or section (with a rule) or in the text; 0 when there is
   *  none. */
  uint64_t byte_offset;
  /** One sentence, zero-terminated. */
  char message[264];
} vial_error;

/* clang-format off */
#define VIAL_ERROR_INIT {(uint32_t)sizeof(vial_error), 0, 0, 0, 0, {0}}
/* clang-format on */

/** VIAL_ERROR_INIT as a function. Every struct of this header has one like it: it sets struct_size
 *  and the defaults of the struct's first `struct_size` bytes. Any thread.
 *
 *  out_error    The caller's struct.
 *  struct_size  Its size as the caller declares it.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE (too small for this library; nothing was
 *  written). */
VIAL_API vial_status vial_error_init(vial_error *out_error, uint32_t struct_size);

/* ==== I. Ask a question =======================================================================
 *
 * One model, one engine, one request. Everything else is options.
 *
 * See also: vial_model_open, vial_engine_open, vial_engine_submit, vial_request_next_event.
 */

/* Example: the smallest program's body. Pieces of the answer are written as they come.
 *
 *     vial_error error = VIAL_ERROR_INIT;
 *     vial_event event = VIAL_EVENT_INIT;
 *     vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
 *     options.text = vial_text_from(question);
 *     if (vial_model_open(path, NULL, &model, &error) != VIAL_STATUS_OK ||
 *         vial_engine_open(model, NULL, &engine, &error) != VIAL_STATUS_OK ||
 *         vial_engine_submit(engine, &options, &request, &error) != VIAL_STATUS_OK)
 *       fprintf(stderr, "%s\n", error.message);
 *     while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
 *       fwrite(event.text.data, 1, event.text.length, stdout);
 *     vial_request_close(request);
 *     vial_engine_close(engine);
 *     vial_model_close(model);
 */

/* ==== II. Models and files ====================================================================
 *
 * Opens a file, tells what it contains, and verifies it.
 *
 * See also: vial_engine_open and vial_model_score, which compute with a model;
 * vial_model_get_sampling, vial_model_encode and vial_model_copy_template_text, which read it, too.
 */

/* ---- Open, describe and close -------------------------------------------------------------- */

/* Example: open what may be replaced meanwhile, and show what every user must be shown.
 *
 *     char notice[4096];
 *     uint64_t length = 0;
 *     vial_error error = VIAL_ERROR_INIT;
 *     vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
 *     options.access = VIAL_ACCESS_PRIVATE_COPY;
 *     options.verification = VIAL_VERIFICATION_LAZY;
 *     if (vial_model_open(path, &options, &model, &error) == VIAL_STATUS_OK &&
 *         vial_model_copy_text(model, VIAL_MODEL_TEXT_NOTICE, notice, sizeof notice, &length,
 *                              &error) == VIAL_STATUS_OK)
 *       fwrite(notice, 1, length, stderr);
 *
 * See also: vial_model_verify; vial_model_get_sampling; vial_engine_open.
 */

/** A model in an opened file. Immutable and shared between threads. */
typedef struct vial_model vial_model;

/** Most models, engines and requests open at the same time in a process. */
#define VIAL_HANDLE_LIMIT 65535u

/** How the file gets into memory. */
typedef uint32_t vial_access;

enum {
  /** Mapped: shared with all processes that map it; pages are read when they are needed. */
  VIAL_ACCESS_MAPPED = 0,
  /** Read into memory of this process, for files that somebody may change or truncate meanwhile. */
  VIAL_ACCESS_PRIVATE_COPY = 1
};

/** When bytes of the file are compared with their digests. */
typedef uint32_t vial_verification;

enum {
  /** Configuration and tensor table when it is opened. Damaged weights then give wrong answers. */
  VIAL_VERIFICATION_TABLES = 0,
  /** Also tokenizer, template and provenance when it is opened, and each MiB of the weights before
   *  its first use: the first prompt takes longer by the time that hashing takes, later ones do
   *  not. A call that meets damaged weights returns FORMAT with rule 220 and computes nothing with
   *  them. An adapter is verified whole by the first call that names it. */
  VIAL_VERIFICATION_LAZY = 1,
  /** Every byte when it is opened, as vial_model_verify does with as many threads as affinity and
   *  quota allow. */
  VIAL_VERIFICATION_WHOLE = 2
};

/** Most trusted keys of one call. */
#define VIAL_TRUSTED_KEY_LIMIT 64u

/** Options of vial_model_open.
 *
 *  With trusted keys, a file opens only if one of them signed it as it is now (vial sign;
 *  Spec/FORMAT.md). The signature covers the table with every section's digest, and what is opened
 *  is compared with it: VIAL_VERIFICATION_TABLES acts as VIAL_VERIFICATION_LAZY. Open files that
 *  others can write with VIAL_ACCESS_PRIVATE_COPY. */
typedef struct vial_model_options {
  /** sizeof(vial_model_options). */
  uint32_t struct_size;
  /** VIAL_ACCESS_.... */
  vial_access access;
  /** VIAL_VERIFICATION_.... */
  vial_verification verification;
  /** 0. */
  uint32_t reserved;
  /** Ed25519 public keys, 32 bytes each; NULL requires no signature. A list of no keys trusts
   *  nobody. */
  const uint8_t *trusted_keys;
  /** Keys in trusted_keys; at most VIAL_TRUSTED_KEY_LIMIT. */
  uint64_t trusted_key_count;
} vial_model_options;

/* clang-format off */
#define VIAL_MODEL_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_model_options), VIAL_ACCESS_MAPPED, VIAL_VERIFICATION_TABLES, 0, 0, 0}
/* clang-format on */

/** VIAL_MODEL_OPTIONS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_model_options_init(vial_model_options *out_options, uint32_t struct_size);

/** Opens a model file. Its tables are validated; the verification option says what else is checked.
 *
 *  The file may be hostile. Any thread. O(sections + tensors), milliseconds for any model, unless
 *  the whole file is verified.
 *
 *  path       Zero-terminated UTF-8; any string that the operating system takes.
 *  options    NULL: VIAL_MODEL_OPTIONS_INIT.
 *  out_model  Gets the handle, or NULL on failure. The caller closes it.
 *  out_error  Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_UTF8 (path), TOO_LONG (trusted_key_count), SYSTEM, FORMAT,
 *  UNTRUSTED, TOO_MANY_HANDLES, OUT_OF_MEMORY. */
VIAL_API vial_status vial_model_open(const char *path, const vial_model_options *options,
                                     vial_model **out_model, vial_error *out_error);

/** Closes a model. Calls that are running in other threads finish; the file is unmapped after the
 *  last. NULL, a handle that is already closed, and a handle of the parent process are ignored. Any
 *  thread, callbacks included. */
VIAL_API void vial_model_close(vial_model *model);

/** Flags of vial_model_info. */
enum {
  /** vial_model_render_chat_template works. */
  VIAL_MODEL_HAS_CHAT_TEMPLATE = 1,
  /** The output head is the embedding. */
  VIAL_MODEL_HAS_TIED_EMBEDDING = 2,
  /** A prompt starts with begin_token. */
  VIAL_MODEL_BEGINS_WITH_TOKEN = 4,
  /** The file has a notice for users: show VIAL_MODEL_TEXT_NOTICE before the first answer. */
  VIAL_MODEL_HAS_NOTICE = 8
};

/** No token. */
#define VIAL_TOKEN_NONE 0xFFFFFFFFu

/** What a file contains. */
typedef struct vial_model_info {
  /** sizeof(vial_model_info). */
  uint32_t struct_size;
  /** VIAL_MODEL_.... */
  uint32_t flags;
  /** Weights, in numbers. */
  uint64_t parameter_count;
  /** Weights, in bytes as stored. */
  uint64_t weights_byte_count;
  /** Bytes of the file that belong to the model. */
  uint64_t file_byte_count;
  /** Decoder layers. */
  uint32_t layer_count;
  /** Dimensions of a token's hidden state. */
  uint32_t hidden_size;
  /** Dimensions of a feed-forward block's intermediate state. */
  uint32_t feed_forward_size;
  /** Query heads. */
  uint32_t head_count;
  /** Key and value heads. */
  uint32_t key_value_head_count;
  /** Dimensions of a head. */
  uint32_t head_dimension;
  /** Ids are below this. */
  uint32_t vocabulary_size;
  /** Ids below this have a token; may be less than vocabulary_size. */
  uint32_t token_count;
  /** Most tokens of prompt and answer together. */
  uint32_t context_length;
  /** Tokens that vial_model_score scores together. */
  uint32_t score_window;
  /** The token that begins a text (BOS), or VIAL_TOKEN_NONE. */
  uint32_t begin_token;
  /** Adapters that requests may use. */
  uint32_t adapter_count;
  /** SHA-256 over configuration, tokenizer and weights. */
  uint8_t model_digest[32];
  /** SHA-256 over everything but signatures. */
  uint8_t file_digest[32];
} vial_model_info;

/* clang-format off */
#define VIAL_MODEL_INFO_INIT \
  {(uint32_t)sizeof(vial_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, {0}}
/* clang-format on */

/** VIAL_MODEL_INFO_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_model_info_init(vial_model_info *out_info, uint32_t struct_size);

/** Tells what a file contains. Any thread. O(tensors).
 *
 *  out_info  struct_size is the caller's, the rest is filled.
 *
 *  Returns OK, INVALID_ARGUMENT. */
VIAL_API vial_status vial_model_get_info(vial_model *model, vial_model_info *out_info);

/** Texts of a model. */
typedef uint32_t vial_model_text;

enum {
  /** "qwen2", "llama" and so on: a name of Spec/MODELS.md. */
  VIAL_MODEL_TEXT_ARCHITECTURE = 1,
  /** The model's name; may be empty. */
  VIAL_MODEL_TEXT_NAME = 2,
  /** What every user must be shown. */
  VIAL_MODEL_TEXT_NOTICE = 3,
  /** The model digest as 64 hexadecimal digits. */
  VIAL_MODEL_TEXT_MODEL_DIGEST = 4,
  /** The file digest as 64 hexadecimal digits. */
  VIAL_MODEL_TEXT_FILE_DIGEST = 5
};

/** Copies a text of the file. It is valid UTF-8 but otherwise what the file's author wrote: escape
 *  it before showing it. Any thread.
 *
 *  which       VIAL_MODEL_TEXT_....
 *  out_text    Gets the text, without a terminating zero; may be NULL when capacity is 0.
 *  capacity    Bytes in out_text.
 *  out_length  Gets the text's length in bytes.
 *  out_error   Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (no notice), BUFFER_TOO_SMALL, FORMAT (provenance is
 *  damaged). */
VIAL_API vial_status vial_model_copy_text(vial_model *model, vial_model_text which, char *out_text,
                                          uint64_t capacity, uint64_t *out_length,
                                          vial_error *out_error);

/* ---- Adapters ------------------------------------------------------------------------------ */

/* Example: the names of all adapters.
 *
 *     char name[VIAL_ADAPTER_NAME_LIMIT];
 *     uint64_t length = 0;
 *     for (uint32_t index = 0; vial_model_copy_adapter_name(model, index, name, sizeof name,
 *                                                           &length) == VIAL_STATUS_OK; index++)
 *       printf("%.*s\n", (int)length, name);
 *
 * See also: adapter and adapter_scale of vial_request_options and vial_score_options.
 */

/** Longest name of an adapter, in bytes. */
#define VIAL_ADAPTER_NAME_LIMIT 255u
/** Most that a request may multiply an adapter's effect by, and, as a negative number, least. */
#define VIAL_ADAPTER_SCALE_LIMIT 100.0f

/** What an adapter (LoRA) of a file is. */
typedef struct vial_adapter_info {
  /** sizeof(vial_adapter_info). */
  uint32_t struct_size;
  /** The largest rank of its targets. */
  uint32_t rank;
  /** Matrices that it changes. */
  uint32_t target_count;
  /** 0. */
  uint32_t reserved;
  /** Its weights, in numbers. */
  uint64_t parameter_count;
  /** Bytes of its section in the file. */
  uint64_t byte_count;
  /** SHA-256 over its section: the same adapter has the same one in every file. */
  uint8_t digest[32];
} vial_adapter_info;

#define VIAL_ADAPTER_INFO_INIT {(uint32_t)sizeof(vial_adapter_info), 0, 0, 0, 0, 0, {0}}

/** VIAL_ADAPTER_INFO_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_adapter_info_init(vial_adapter_info *out_info, uint32_t struct_size);

/** Tells what one of a model's adapters is. They are in ascending order of their names. Adapters of
 *  the file that do not fit the model are not among them (vial_model_verify says what is wrong).
 *  Any thread. O(1).
 *
 *  index     Below adapter_count of vial_model_info.
 *  out_info  struct_size is the caller's, the rest is filled.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (no adapter of that index). */
VIAL_API vial_status vial_model_get_adapter_info(vial_model *model, uint32_t index,
                                                 vial_adapter_info *out_info);

/** Copies the name of one of a model's adapters. Any thread. O(1).
 *
 *  index       Below adapter_count of vial_model_info.
 *  out_name    Gets the name without a terminating zero, valid UTF-8 without control characters;
 *              may be NULL when capacity is 0.
 *  capacity    Bytes in out_name; VIAL_ADAPTER_NAME_LIMIT is always enough.
 *  out_length  Gets the name's length in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (no adapter of that index), BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_model_copy_adapter_name(vial_model *model, uint32_t index, char *out_name,
                                                  uint64_t capacity, uint64_t *out_length);

/* ---- Verify -------------------------------------------------------------------------------- */

/* Example: is every byte of the file what its maker wrote?
 *
 *     vial_error error = VIAL_ERROR_INIT;
 *     if (vial_model_verify(model, NULL, &error) == VIAL_STATUS_FORMAT)
 *       fprintf(stderr, "R-%u: %s\n", (unsigned)error.rule, error.message);
 *
 * See also: verification and trusted_keys of vial_model_options.
 */

/** Most threads. */
#define VIAL_THREAD_LIMIT 1024u

/** Called on the calling thread, without a lock held, with the progress of a call: `done` of
 *  `total` ids when scoring, bytes when verifying. It may call any function of this header, must
 *  return normally (no longjmp, no exception), and returns 0 to continue or anything else to
 *  stop. */
typedef int32_t (*vial_progress)(void *progress_context, uint64_t done, uint64_t total);

/** Options of vial_model_verify. */
typedef struct vial_verify_options {
  /** sizeof(vial_verify_options). */
  uint32_t struct_size;
  /** 1 to VIAL_THREAD_LIMIT, the caller's included; 0: as many as affinity and quota of this
   *  process allow. */
  uint32_t thread_count;
  /** May be NULL. */
  vial_progress progress;
  /** Passed to progress. */
  void *progress_context;
  /** 0. */
  uint64_t reserved;
} vial_verify_options;

#define VIAL_VERIFY_OPTIONS_INIT {(uint32_t)sizeof(vial_verify_options), 0, 0, 0, 0}

/** VIAL_VERIFY_OPTIONS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_verify_options_init(vial_verify_options *out_options,
                                              uint32_t struct_size);

/** Verifies the model's whole file: every section against its digest, every weight against the
 *  rules of its encoding, texts, tokenizer and templates. Any thread; threads that the call starts
 *  end with it and block all signals. Takes as long as reading and hashing the file.
 *
 *  options    NULL: VIAL_VERIFY_OPTIONS_INIT.
 *  out_error  Gets the first problem: rule and offset; may be NULL.
 *
 *  Returns OK (the file is intact), INVALID_ARGUMENT, FORMAT, CANCELLED. */
VIAL_API vial_status vial_model_verify(vial_model *model, const vial_verify_options *options,
                                       vial_error *out_error);

/* ==== III. Engines and requests ===============================================================
 *
 * An engine batches requests over one model; a request is one generation.
 *
 * See also: vial_model_open; vial_engine_get_metrics and the functions of templates in part IV.
 */

/* ---- Engines ------------------------------------------------------------------------------- */

/* Example: an engine for a ward's server.
 *
 *     vial_error error = VIAL_ERROR_INIT;
 *     vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
 *     options.flags = VIAL_ENGINE_LOCK_MEMORY;
 *     options.cache_byte_limit = (uint64_t)2 << 30;
 *     if (vial_engine_open(model, &options, &engine, &error) != VIAL_STATUS_OK)
 *       fprintf(stderr, "%s\n", error.message);
 *
 * See also: vial_engine_submit, vial_engine_next_event, vial_engine_get_metrics.
 */

/** An engine answers requests over one model. It owns the threads that compute, the KV cache, a
 *  queue, and one thread that calls callbacks. Requests are batched continuously: an answer's bytes
 *  do not depend on its neighbours. */
typedef struct vial_engine vial_engine;

/** One generation. */
typedef struct vial_request vial_request;

/** Number type of cached keys and values: the only option that changes an answer or a score. */
typedef uint32_t vial_cache_type;

enum { VIAL_CACHE_F16 = 0, VIAL_CACHE_F32 = 1, VIAL_CACHE_INT8 = 2 };

/** How serious a line of the log is. */
typedef uint32_t vial_log_level;

enum { VIAL_LOG_INFO = 1, VIAL_LOG_WARNING = 2 };

/** Called on the engine's delivery thread, without a lock held, with what the engine does: one
 *  zero-terminated sentence, valid during the call, never with text of a prompt, an answer or a
 *  file. Must return normally. */
typedef void (*vial_log)(void *log_context, vial_log_level level, const char *message);

/** Allocates `byte_count` bytes at a multiple of `alignment`; NULL when memory is short. Any
 *  thread; must not call a function of this header. */
typedef void *(*vial_allocate)(void *memory_context, uint64_t byte_count, uint64_t alignment);

/** Releases what vial_allocate returned; it was wiped. Any thread; must not call a function of this
 *  header. */
typedef void (*vial_release)(void *memory_context, void *memory, uint64_t byte_count);

/** Most requests that an engine computes together. */
#define VIAL_RUNNING_LIMIT 4096u

/** Flags of an engine. */
enum {
  /** No prefix caching: no request uses or leaves keys and values of others. */
  VIAL_ENGINE_NO_SHARING = 1,
  /** The KV cache and all other memory of the engine is locked, so that it cannot be swapped out,
   *  as far as RLIMIT_MEMLOCK allows: vial_engine_get_info tells what could not be. Without this
   *  flag the KV cache is not locked, and activations and logits are while they take at most half
   *  of that limit. */
  VIAL_ENGINE_LOCK_MEMORY = 2
};

/** Options of vial_engine_open. All 0 but struct_size is a good choice. */
typedef struct vial_engine_options {
  /** sizeof(vial_engine_options). */
  uint32_t struct_size;
  /** VIAL_ENGINE_..., or 0. */
  uint32_t flags;
  /** VIAL_CACHE_...: the only option here that changes an answer. */
  vial_cache_type cache_type;
  /** Threads that compute, 1 to VIAL_THREAD_LIMIT; 0: as many as affinity and quota of this process
   *  allow. At most as many as these allow compute at a time, also when they change later; the
   *  others sleep. */
  uint32_t thread_count;
  /** Most bytes of KV cache, for all requests together; 0: enough for 32,768 tokens, and for the
   *  windows of eight requests in layers that have windows. Less than 64 tokens need is
   *  VIAL_STATUS_INVALID_ARGUMENT. No more is reserved than running_limit
   *  requests of context_length + 64 tokens need; cache_byte_count of vial_engine_info says how
   *  much. Reserved at once; pages that were never used cost nothing. A request that needs more
   *  than this is refused. When running requests need more together, the latest ones of the lowest
   *  priority are preempted and recomputed later, which changes none of their bytes. */
  uint64_t cache_byte_limit;
  /** A name of vial_isa_name, or NULL for the fastest. */
  const char *isa;
  /** Most requests that wait, 1 to 1,048,576; 0: 1024. One more is VIAL_STATUS_BUSY. */
  uint32_t queue_limit;
  /** Most requests of one tenant that wait to be computed for the first time, 1 to 1,048,576, so
   *  that no tenant fills the queue alone; requests without a tenant count as one. 0: queue_limit.
   *  One more is VIAL_STATUS_BUSY. */
  uint32_t tenant_queue_limit;
  /** Most requests that are computed together, 1 to VIAL_RUNNING_LIMIT; 0: 64. A step has at most
   *  256 tokens. */
  uint32_t running_limit;
  /** Prefill tokens per step while other requests are decoding (chunked prefill), 1 to 65,536.
   *  Smaller values lower the time between tokens of running requests and raise the time to first
   *  token of new ones. 0: adaptive, so that such a step takes at most 2.5 times a decode-only
   *  step, as measured; more while a burst of short prompts starts. */
  uint32_t step_prompt_tokens;
  /** May be NULL. */
  vial_log log;
  /** Passed to log. */
  void *log_context;
  /** Allocates the KV cache and the other large buffers; NULL: the system does. */
  vial_allocate allocate;
  /** NULL if and only if allocate is. */
  vial_release release;
  /** Passed to allocate and release. */
  void *memory_context;
  /** 0. */
  uint64_t reserved;
} vial_engine_options;

/* clang-format off */
#define VIAL_ENGINE_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_engine_options), 0, VIAL_CACHE_F16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/** VIAL_ENGINE_OPTIONS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_engine_options_init(vial_engine_options *out_options,
                                              uint32_t struct_size);

/** Opens an engine over a model, which stays in memory until the engine is closed, even when its
 *  own handle is closed before. Its threads block all signals, sleep while there is nothing to do
 *  and end when it is closed.
 *
 *  Any thread. Reserves memory: milliseconds.
 *
 *  model       An open model.
 *  options     NULL: VIAL_ENGINE_OPTIONS_INIT.
 *  out_engine  Gets the handle, or NULL on failure. The caller closes it.
 *  out_error   Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, UNSUPPORTED_ISA, OUT_OF_MEMORY, TOO_MANY_HANDLES. */
VIAL_API vial_status vial_engine_open(vial_model *model, const vial_engine_options *options,
                                      vial_engine **out_engine, vial_error *out_error);

/** Closes an engine: cancels running requests within a step, delivers the last events to callbacks,
 *  joins the threads and frees the memory. Requests that are still open keep their text and tokens;
 *  their last event is VIAL_FINISH_CANCELLED. NULL is ignored.
 *
 *  Any thread but a delivery thread; waits for callbacks that run. In the child of a fork it does
 *  nothing and returns FORKED; an engine that was closed before is INVALID_HANDLE.
 *
 *  Returns OK, IN_CALLBACK (called from a callback of any engine; nothing was closed). */
VIAL_API vial_status vial_engine_close(vial_engine *engine);

/** Guarantees that the system refused for memory that may contain text or ids of requests, or what
 *  is computed from them. */
enum {
  /** Some memory for text and ids, of all requests of the process, can be swapped out:
   *  RLIMIT_MEMLOCK is used up. */
  VIAL_MEMORY_TEXT_UNLOCKED = 1,
  /** Some of the engine's memory for activations, logits and scratch can be swapped out. */
  VIAL_MEMORY_WORK_UNLOCKED = 2,
  /** The KV cache can be swapped out: it is locked only with VIAL_ENGINE_LOCK_MEMORY. */
  VIAL_MEMORY_CACHE_UNLOCKED = 4,
  /** Some memory may be in core dumps: the system refused to exclude it (MADV_DONTDUMP). */
  VIAL_MEMORY_DUMPABLE = 8
};

/** What an engine is and holds. Its counts are in vial_engine_metrics. */
typedef struct vial_engine_info {
  /** sizeof(vial_engine_info). */
  uint32_t struct_size;
  /** Threads that compute. */
  uint32_t thread_count;
  /** Most tokens of prompt and answer of one request. */
  uint64_t position_limit;
  /** Tokens that the KV cache holds, for all requests together. */
  uint64_t cache_position_count;
  /** Bytes of the KV cache. */
  uint64_t cache_byte_count;
  /** Name of the instruction-set family. Static memory. */
  const char *isa;
  /** VIAL_MEMORY_...: what is not guaranteed at the moment; 0: everything is locked and in no core
   *  dump. */
  uint32_t memory_flags;
  /** 0. */
  uint32_t reserved;
  /** Bytes for text and ids of the process's requests, and for activations, logits, scratch and KV
   *  cache of this engine, that are locked: they cannot be swapped out. */
  uint64_t locked_byte_count;
  /** Bytes of these that are not. */
  uint64_t unlocked_byte_count;
  /** Bytes of these that may be in a core dump. */
  uint64_t dumpable_byte_count;
} vial_engine_info;

#define VIAL_ENGINE_INFO_INIT {(uint32_t)sizeof(vial_engine_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** VIAL_ENGINE_INFO_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_engine_info_init(vial_engine_info *out_info, uint32_t struct_size);

/** Tells what an engine is and holds. Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT. */
VIAL_API vial_status vial_engine_get_info(vial_engine *engine, vial_engine_info *out_info);

/* ---- Tenants ------------------------------------------------------------------------------- */

/* Example: a clinic that gets twice the share, and leaves.
 *
 *     vial_engine_set_weight(engine, vial_text_from("cardiology"), 2, NULL);
 *     vial_engine_clear_tenant(engine, vial_text_from("cardiology"), NULL);
 *
 * See also: tenant of vial_request_options; tenant_queue_limit of vial_engine_options.
 */

/** Most bytes of a tenant's label. */
#define VIAL_TENANT_BYTE_LIMIT 256u

/** Sets a tenant's weight in fair queueing, 1 at first: when requests of one priority compete, the
 *  tenant that was served least for its weight comes next.
 *
 *  Any thread. Waits for the current step.
 *
 *  tenant     The label, any bytes, at most VIAL_TENANT_BYTE_LIMIT; absent: requests without one.
 *  weight     0.001 to 1000.
 *  out_error  Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG. */
VIAL_API vial_status vial_engine_set_weight(vial_engine *engine, vial_text tenant, double weight,
                                            vial_error *out_error);

/** Evicts and wipes what finished requests of a tenant left in the prefix cache, and drops its
 *  compiled schemas and choices with what is cached of its answers under them, before it returns.
 *  What running requests hold goes when they finish.
 *
 *  Any thread. Waits for the current step.
 *
 *  tenant     The label, any bytes, at most VIAL_TENANT_BYTE_LIMIT; absent: requests without one.
 *  out_error  Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG. */
VIAL_API vial_status vial_engine_clear_tenant(vial_engine *engine, vial_text tenant,
                                              vial_error *out_error);

/* ---- Sampling ------------------------------------------------------------------------------ */

/* Example: the file's defaults, but hotter and without repetition.
 *
 *     vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
 *     vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
 *     vial_text no_template = {NULL, 0};
 *     vial_model_get_sampling(model, no_template, &sampling, NULL);
 *     sampling.temperature = 0.9f;
 *     sampling.frequency_penalty = 0.5f;
 *     options.sampling = &sampling;
 *
 * See also: sampling, seed and sample_index of vial_request_options; Spec/ARITHMETIC.md, rule 13.
 */

/** Which tokens a penalty looks at. */
typedef uint32_t vial_penalty_scope;

enum {
  /** Those of the answer, its reasoning included. */
  VIAL_PENALTY_ANSWER = 0,
  /** Those of the prompt. */
  VIAL_PENALTY_PROMPT = 1,
  /** All. */
  VIAL_PENALTY_BOTH = 2
};

/** Most entries of each list of vial_sampling_options. */
#define VIAL_TOKEN_RULE_LIMIT 1024u

/** A value that is added to a token's logit. */
typedef struct vial_token_bias {
  /** Id. */
  uint32_t token;
  /** -100 to 100. */
  float bias;
} vial_token_bias;

/** Flags of sampling. */
enum {
  /** The model's end tokens are tokens like others. Without effect beside a schema or choices. */
  VIAL_SAMPLING_IGNORE_END = 1
};

/** How the next token is chosen. VIAL_SAMPLING_OPTIONS_INIT is greedy and changes no logit;
 *  vial_model_get_sampling fills in what the file recommends. Requests may share one. */
typedef struct vial_sampling_options {
  /** sizeof(vial_sampling_options). */
  uint32_t struct_size;
  /** VIAL_SAMPLING_..., or 0. */
  uint32_t flags;
  /** 0 (greedy: always the likeliest token) to 100. Below 0.00001 it counts as 0. */
  float temperature;
  /** Choose among this many tokens; 0: all. */
  uint32_t top_k;
  /** Choose among the likeliest tokens whose probabilities add up to this; above 0, at most 1. */
  float top_p;
  /** Choose among tokens at least this fraction as likely as the best; 0 to 1. */
  float min_p;
  /** Logits of ids in its scope are divided by it (multiplied when negative); above 0, at most 100.
   *  1: off. Files have 0.01 to 100. */
  float repetition_penalty;
  /** VIAL_PENALTY_...: the scope of repetition_penalty. */
  vial_penalty_scope repetition_scope;
  /** Only the last so many tokens of that scope; 0: all. */
  uint32_t repetition_window;
  /** Subtracted from an id's logit for each time that it is in the scope; -2 to 2. 0: off. */
  float frequency_penalty;
  /** Subtracted once from the logits of ids in the scope; -2 to 2. 0: off. */
  float presence_penalty;
  /** VIAL_PENALTY_...: the scope of frequency_penalty and presence_penalty. */
  vial_penalty_scope penalty_scope;
  /** Only the last so many tokens of that scope; 0: all. */
  uint32_t penalty_window;
  /** Nothing but the token limit ends the answer before it has so many tokens: no end token is
   *  chosen, and no stop string searched. A schema or choices take precedence. At most
   *  max_tokens. */
  uint32_t min_tokens;
  /** Added to logits, in this order. */
  const vial_token_bias *biases;
  /** At most VIAL_TOKEN_RULE_LIMIT. */
  uint64_t bias_count;
  /** Ids that are never chosen. */
  const uint32_t *banned_tokens;
  /** At most VIAL_TOKEN_RULE_LIMIT. */
  uint64_t banned_token_count;
  /** Ids that end the answer as the model's own end tokens do. */
  const uint32_t *stop_tokens;
  /** At most VIAL_TOKEN_RULE_LIMIT. */
  uint64_t stop_token_count;
} vial_sampling_options;

/* clang-format off */
#define VIAL_SAMPLING_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_sampling_options), 0, 0, 0, 1, 0, 1, VIAL_PENALTY_BOTH, 0, 0, 0, \
   VIAL_PENALTY_ANSWER, 0, 0, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/** VIAL_SAMPLING_OPTIONS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_sampling_options_init(vial_sampling_options *out_options,
                                                uint32_t struct_size);

/** Fills in the sampling that a request without options of its own gets: the file's defaults, or
 *  those of one of its prompt templates. Any thread.
 *
 *  template_id  The prompt template's id; absent: the file's defaults.
 *  out_options  struct_size is the caller's, the rest is filled.
 *  out_error    Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (no such template), FORMAT (it is damaged). */
VIAL_API vial_status vial_model_get_sampling(vial_model *model, vial_text template_id,
                                             vial_sampling_options *out_options,
                                             vial_error *out_error);

/* ---- Requests ------------------------------------------------------------------------------ */

/* Example: one of several choices, a stop string, and a deadline.
 *
 *     vial_text choices[2] = {{"yes", 3}, {"no", 2}};
 *     vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
 *     options.text = vial_text_from(question);
 *     options.choices = choices;
 *     options.choice_count = 2;
 *     options.deadline_milliseconds = 30000;
 *     if (vial_engine_submit(engine, &options, &request, NULL) == VIAL_STATUS_BUSY)
 *       fprintf(stderr, "try again later\n");
 *
 * See also: vial_request_next_event, vial_engine_next_event, vial_request_copy_text.
 */

/** Flags of a message. */
enum {
  /** Content that spells a special token becomes that token. Never set it for what a person or a
   *  record wrote: such text could then speak in the system's voice. */
  VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS = 1
};

/** A message of a conversation. */
typedef struct vial_message {
  /** "system", "user", "assistant" or what else the template knows. */
  vial_text role;
  /** What it says. */
  vial_text content;
  /** VIAL_MESSAGE_..., or 0. */
  uint32_t flags;
  /** 0. */
  uint32_t reserved;
} vial_message;

/** A value for a variable of a prompt template. */
typedef struct vial_template_value {
  /** The variable's name. */
  vial_text name;
  /** A number is decimal, followed by its unit ("7.2 mmol/L"); a date is YYYY-MM-DD; a list has an
   *  item a line. Templates of version 2 of their format also take what FHIR has: UCUM units, all
   *  digits, a comparator, the record's own flag and reference range ("98.60 [degF] H (97 - 99)"),
   *  dates with a time or without a day. Whatever a value spells stays text: never a special token,
   *  a tag or another variable, and in version 2 no line of the template. */
  vial_text text;
} vial_template_value;

/** Most values of a template. */
#define VIAL_TEMPLATE_VALUE_LIMIT 64u

/** What happened to a request. */
typedef uint32_t vial_event_kind;

enum {
  /** Nothing: the struct was not filled. */
  VIAL_EVENT_NONE = 0,
  /** A token of the answer. */
  VIAL_EVENT_TOKEN = 1,
  /** The end; nothing follows. May contain the last text, which was held back until then. */
  VIAL_EVENT_FINISHED = 2
};

/** Which part of an answer a text belongs to. */
typedef uint32_t vial_answer_part;

enum {
  /** The answer. */
  VIAL_PART_ANSWER = 0,
  /** The reasoning of a reasoning model before its answer. */
  VIAL_PART_REASONING = 1
};

/** Why a request ended. */
typedef uint32_t vial_finish_reason;

enum {
  /** Not yet. */
  VIAL_FINISH_NONE = 0,
  /** The model ended its answer. */
  VIAL_FINISH_STOP = 1,
  /** max_tokens or the position limit was reached. */
  VIAL_FINISH_LENGTH = 2,
  /** A stop string was found; neither it nor what follows is part of the text. */
  VIAL_FINISH_STOP_STRING = 3,
  /** vial_request_cancel, or the engine was closed. */
  VIAL_FINISH_CANCELLED = 4,
  /** The deadline passed. */
  VIAL_FINISH_DEADLINE = 5,
  /** The computation failed; `status` says how. */
  VIAL_FINISH_ERROR = 6,
  /** max_tokens or the position limit was reached before the end of an answer that is constrained
   *  to a schema or to choices: its text is incomplete, or, as a number may, could have continued.
   *  Such an answer never ends with VIAL_FINISH_LENGTH. */
  VIAL_FINISH_BUDGET = 7
};

/** A token and the natural logarithm of its probability. */
typedef struct vial_alternative {
  /** Id. */
  uint32_t token;
  /** Under the model's own distribution. */
  float log_probability;
} vial_alternative;

/** An event. Its pointers stay valid until its request is closed (in a callback also until that
 *  returns). */
typedef struct vial_event {
  /** sizeof(vial_event). */
  uint32_t struct_size;
  /** VIAL_EVENT_.... */
  vial_event_kind kind;
  /** Whose event it is. */
  vial_request *request;
  /** Text that is now certain; may be empty. Bytes of a character are held back until it is
   *  complete, and the possible beginning of a stop string until it is not one. Write it whatever
   *  the kind. */
  vial_text text;
  /** VIAL_PART_...: where the text belongs. */
  vial_answer_part part;
  /** The token's id; VIAL_TOKEN_NONE when it is the end. The model's end token is not reported. */
  uint32_t token;
  /** Natural logarithm of the token's probability under the model's own distribution, before
   *  temperature, penalties and cuts; NaN when it is the end. */
  float log_probability;
  /** Entropy in nats of the model's own distribution of the token, with VIAL_REQUEST_ENTROPY; else
   *  NaN. */
  float entropy;
  /** The likeliest tokens, best first; the chosen one may be among them. */
  const vial_alternative *alternatives;
  /** Number of alternatives. */
  uint64_t alternative_count;
  /** VIAL_FINISH_.... */
  vial_finish_reason finish_reason;
  /** VIAL_STATUS_OK, or what failed when finish_reason is VIAL_FINISH_ERROR. */
  vial_status status;
  /** 0. */
  uint64_t reserved;
} vial_event;

#define VIAL_EVENT_INIT {(uint32_t)sizeof(vial_event), 0, 0, {0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** VIAL_EVENT_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_event_init(vial_event *out_event, uint32_t struct_size);

/** Called with every event of one request, in order, on the engine's one delivery thread, without a
 *  lock held. It may call any function of this header but vial_engine_close, must return normally
 *  (no longjmp, no exception), and should return soon: all callbacks of the engine wait for it (the
 *  computing does not). The event is valid during the call, even when the request is closed
 *  meanwhile. */
typedef void (*vial_event_callback)(void *event_context, const vial_event *event);

/** Flags of a request. */
enum {
  /** `text` is not a user's message but the beginning of a text: it gets the file's first token,
   *  not the chat template. */
  VIAL_REQUEST_RAW = 1,
  /** Neither uses nor leaves anything in the prefix cache. */
  VIAL_REQUEST_PRIVATE = 2,
  /** Computes the prompt, answers nothing (VIAL_FINISH_LENGTH), and pins its whole blocks of 64
   *  tokens in the prefix cache until the request is closed: for a template that many prompts begin
   *  with. With a tenant for its prompts; without one for those of all tenants, so it must not
   *  contain what a patient wrote. Pinned prompts get half of the KV cache at most; what is beyond
   *  ends with VIAL_FINISH_ERROR and VIAL_STATUS_OUT_OF_MEMORY. */
  VIAL_REQUEST_PINNED = 4,
  /** The reasoning is withheld from the caller: no events, no text and no ids of it. */
  VIAL_REQUEST_WITHHOLD_REASONING = 8,
  /** The schema of a prompt template is ignored. */
  VIAL_REQUEST_NO_SCHEMA = 16,
  /** Events have entropies; costs a pass over the logits for each token. */
  VIAL_REQUEST_ENTROPY = 32,
  /** The prompt's tokens get log-probabilities (vial_request_copy_prompt_scores) and, as many as
   *  alternative_count, alternatives. All of the prompt is computed: nothing of it is taken from
   *  the prefix cache, or left in it. Not with VIAL_REQUEST_PINNED. */
  VIAL_REQUEST_SCORE_PROMPT = 64
};

/** Most stop strings of a request. */
#define VIAL_STOP_COUNT_LIMIT 16u
/** Longest stop string, in bytes. */
#define VIAL_STOP_BYTE_LIMIT 256u
/** Longest prefill, in bytes. */
#define VIAL_PREFILL_BYTE_LIMIT 16384u
/** Most alternatives of a token. */
#define VIAL_ALTERNATIVE_LIMIT 20u
/** Longest schema, in bytes. */
#define VIAL_SCHEMA_BYTE_LIMIT 262144u
/** Steps that compiling a schema may take, tens of nanoseconds each: states, members, characters of
 *  patterns, bytes of values (Spec/TEMPLATES.md, "Schemas"). A schema that takes more is
 *  VIAL_STATUS_SCHEMA, on every machine. */
#define VIAL_SCHEMA_WORK_LIMIT 8388608u
/** Bytes of memory that compiling a schema may take. */
#define VIAL_SCHEMA_MEMORY_LIMIT 67108864u
/** Most choices. */
#define VIAL_CHOICE_COUNT_LIMIT 1024u
/** Longest choice, in bytes. */
#define VIAL_CHOICE_BYTE_LIMIT 1024u
/** No reasoning: max_reasoning_tokens of a request that closes it at once. */
#define VIAL_REASONING_NONE 0xFFFFFFFFu
/** No answer: max_tokens of a request whose prompt is computed only, for the prefix cache. It ends
 *  with VIAL_FINISH_LENGTH, with a schema or choices VIAL_FINISH_BUDGET. */
#define VIAL_ANSWER_NONE 0xFFFFFFFFu

/** Options of vial_engine_submit: exactly one of text, messages, tokens and template_id. Nothing of
 *  it is needed after the call. */
typedef struct vial_request_options {
  /** sizeof(vial_request_options). */
  uint32_t struct_size;
  /** VIAL_REQUEST_..., or 0. */
  uint32_t flags;
  /** One user message, taken literally: what it spells is never a special token. It may be empty
   *  (data not NULL, length 0): then the prompt is what the chat template puts around it. */
  vial_text text;
  /** A conversation, rendered through the file's chat template; NULL: none is given. */
  const vial_message *messages;
  /** Messages in messages: 0, the chat template's own text only, to 4,096, which is what a chat
   *  template takes. */
  uint64_t message_count;
  /** Further fields of the messages, message_count texts: each the JSON of an object with some of
   *  "reasoning_content", "reasoning", "thinking", "name", "tool_call_id" (a string or null) and
   *  "tool_calls" (a list of objects or null: [{"id", "type": "function", "function": {"name",
   *  "arguments": {...}}}]), or no bytes. They are literal when their message is. A chat template
   *  reads what it asks for, as transformers would hand it over. Limits as of tools. NULL: none. */
  const vial_text *message_fields;
  /** Tools that the model may call, for the chat template to name: the JSON of a list of objects as
   *  OpenAI and transformers have them, [{"type": "function", "function": {"name", "description",
   *  "parameters"}}]. Only beside messages; always literal, whatever the messages are. A chat
   *  template that does not read tools never shows them to the model, as with transformers; `vial
   *  dump` says which do. The JSON has no key twice in an object, at most 64 levels, integers of
   *  at most 4,300 digits, and counts as bytes of the messages; byte_offset of the error says where
   *  it is none. All JSON of a request together has at most VIAL_VALUE_COUNT_LIMIT values, or is
   *  VIAL_STATUS_TOO_LONG. Absent: none. */
  vial_text tools;
  /** Token ids, as they are. */
  const uint32_t *tokens;
  /** Ids in tokens. */
  uint64_t token_count;
  /** Id of a prompt template of the file. Its sampling, max_tokens, stop strings, schema and limit
   *  of reasoning hold where this struct has none. */
  vial_text template_id;
  /** Values of the template's variables. */
  const vial_template_value *template_values;
  /** At most VIAL_TEMPLATE_VALUE_LIMIT. */
  uint64_t template_value_count;
  /** The answer's first words, which the model continues; events do not repeat them. At most
   *  VIAL_PREFILL_BYTE_LIMIT bytes. Where the chat template opens the reasoning it is closed before
   *  them. A schema or choices must allow an answer that begins with them. Not beside tokens. */
  vial_text prefill;
  /** How tokens are chosen; NULL: what vial_model_get_sampling gives for template_id. */
  const vial_sampling_options *sampling;
  /** Seed of the random numbers. */
  uint64_t seed;
  /** Which of several answers to the same prompt and seed: their random numbers differ. */
  uint32_t sample_index;
  /** Most tokens of the answer, reasoning included; VIAL_ANSWER_NONE: none at all; 0: the prompt
   *  template's, or as many as fit. */
  uint32_t max_tokens;
  /** Most tokens of the reasoning, after which it is closed; VIAL_REASONING_NONE: none at all; 0:
   *  the prompt template's, or no limit. */
  uint32_t max_reasoning_tokens;
  /** Alternatives to report with every token, at most VIAL_ALTERNATIVE_LIMIT; of the prompt's
   *  tokens with VIAL_REQUEST_SCORE_PROMPT. */
  uint32_t alternative_count;
  /** Texts that end the answer where they begin, in reasoning and answer alike. None: the prompt
   *  template's. */
  const vial_text *stops;
  /** At most VIAL_STOP_COUNT_LIMIT, each of 1 to VIAL_STOP_BYTE_LIMIT bytes. */
  uint64_t stop_count;
  /** A JSON schema (Spec/TEMPLATES.md, "Schemas"), at most VIAL_SCHEMA_BYTE_LIMIT bytes: the
   *  answer, its reasoning excepted, is a JSON text that satisfies it when it ends with
   *  VIAL_FINISH_STOP, no number cut. Whatever else ends it leaves a beginning: VIAL_FINISH_BUDGET,
   *  a stop string, cancelling, the deadline, an error. Formats that Spec/TEMPLATES.md does not
   *  list do not constrain an answer, and nothing reports which of a schema's those are. Not for
   *  patient text. Absent: the prompt template's, when there is one. */
  vial_text schema;
  /** The answer, its reasoning excepted, is one of these texts; not beside schema. Not for patient
   *  text. */
  const vial_text *choices;
  /** At most VIAL_CHOICE_COUNT_LIMIT, each of 1 to VIAL_CHOICE_BYTE_LIMIT bytes. */
  uint64_t choice_count;
  /** Name of an adapter of the file, at most VIAL_ADAPTER_NAME_LIMIT bytes. Requests with different
   *  adapters are computed together, and no answer depends on the adapters of others. */
  vial_text adapter;
  /** What the adapter's effect is multiplied by, within VIAL_ADAPTER_SCALE_LIMIT; 0: 1. 0 without
   *  an adapter. */
  float adapter_scale;
  /** Requests of a higher priority are computed first, and may preempt lower ones for KV memory; 0
   *  is the usual one. */
  int32_t priority;
  /** Label of whoever the request is for, any bytes, at most VIAL_TENANT_BYTE_LIMIT: a clinic, a
   *  department. Tenants are served by weight (vial_engine_set_weight), and no tenant uses, or
   *  learns by timing, what was computed for another. Requests without a label are of one
   *  tenant. */
  vial_text tenant;
  /** Milliseconds from now after which the request ends, finished or not; 0: none. */
  uint64_t deadline_milliseconds;
  /** Called with every event; NULL: the caller takes events with vial_request_next_event or
   *  vial_engine_next_event. */
  vial_event_callback on_event;
  /** Passed to on_event. */
  void *event_context;
  /** 0. */
  uint64_t reserved[2];
} vial_request_options;

/* clang-format off */
#define VIAL_REQUEST_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_request_options), 0, {0, 0}, 0, 0, 0, {0, 0}, 0, 0, {0, 0}, 0, 0, \
   {0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0}, 0, 0, {0, 0}, 0, 0, {0, 0}, 0, 0, 0, {0, 0}}
/* clang-format on */

/** VIAL_REQUEST_OPTIONS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_request_options_init(vial_request_options *out_options,
                                               uint32_t struct_size);

/** Submits a request. Requests are scheduled by priority, and in the order of arrival for each
 *  tenant, and computed together with others. Texts and ids may be hostile; the library copies them
 *  into memory that it wipes.
 *
 *  Any thread, callbacks included. O(n log n) in the prompt; never waits for an answer.
 *
 *  options      The request.
 *  out_request  Gets the handle, or NULL on failure. The caller closes it. A callback may run
 *               before this is set: event->request is the same handle.
 *  out_error    Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT (also a prompt without a single token, ids of sampling that are not
 *  in the vocabulary, and tools or fields that are no such JSON: byte_offset says where, in the
 *  text that is wrong), INVALID_UTF8, TOO_LONG (a prompt that does not fit is refused, never cut),
 *  UNKNOWN_TOKEN, NOT_IN_FILE (no chat template, no prompt template or adapter of that name),
 *  TEMPLATE, SCHEMA, FORMAT (the prompt template is damaged; the adapter is damaged or not one of
 *  this model; the tokenizer's tables make the text too costly), BUSY, CLOSED, OUT_OF_MEMORY,
 *  TOO_MANY_HANDLES. */
VIAL_API vial_status vial_engine_submit(vial_engine *engine, const vial_request_options *options,
                                        vial_request **out_request, vial_error *out_error);

/* ---- Events -------------------------------------------------------------------------------- */

/* Example: one loop for many requests, beside a host's other descriptors.
 *
 *     int32_t descriptor = -1;
 *     vial_event event = VIAL_EVENT_INIT;
 *     vial_engine_get_event_descriptor(engine, &descriptor);
 *     // poll(2) says that the descriptor is readable:
 *     while (vial_engine_next_event(engine, 0, &event) == VIAL_STATUS_OK)
 *       if (event.kind == VIAL_EVENT_FINISHED) vial_request_close(event.request);
 *
 * See also: on_event of vial_request_options, which is called instead.
 */

/** Wait without a limit. */
#define VIAL_WAIT_FOREVER 0xFFFFFFFFu

/** Waits for the next event of one request. Each event is delivered once, to one caller.
 *
 *  Any thread. A request with a callback has no other events.
 *
 *  milliseconds  How long to wait; 0: not at all; VIAL_WAIT_FOREVER.
 *  out_event     Gets the event; its kind is VIAL_EVENT_NONE when the status is not OK.
 *
 *  Returns OK, INVALID_ARGUMENT (also: the request has a callback), TIMED_OUT, FINISHED (the last
 *  event was delivered before), CLOSED (the request was closed meanwhile). */
VIAL_API vial_status vial_request_next_event(vial_request *request, uint32_t milliseconds,
                                             vial_event *out_event);

/** Waits for the next event of any request without a callback; requests with events take turns. For
 *  hosts that serve many requests from one loop. With several callers, two of them may handle
 *  events of one request at the same time.
 *
 *  Any thread. Parameters as for vial_request_next_event.
 *
 *  Returns OK, INVALID_ARGUMENT, TIMED_OUT, CLOSED (the engine was closed and all events were
 *  delivered). */
VIAL_API vial_status vial_engine_next_event(vial_engine *engine, uint32_t milliseconds,
                                            vial_event *out_event);

/** A file descriptor for poll(2), epoll or a host's event loop: readable while
 *  vial_engine_next_event may have something. Call that with 0 milliseconds until it is TIMED_OUT.
 *  Never read, write or close the descriptor; it is the engine's, the same in every call, and
 *  closed with it.
 *
 *  Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT, SYSTEM (the process has no descriptor left). */
VIAL_API vial_status vial_engine_get_event_descriptor(vial_engine *engine, int32_t *out_descriptor);

/* ---- Cancel, close and results ------------------------------------------------------------- */

/* Example: the whole answer at once, after its last event.
 *
 *     char answer[65536];
 *     uint64_t length = 0;
 *     vial_event event = VIAL_EVENT_INIT;
 *     while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
 *       continue;
 *     if (vial_request_copy_text(request, VIAL_PART_ANSWER, answer, sizeof answer, &length) ==
 *         VIAL_STATUS_OK)
 *       fwrite(answer, 1, length, stdout);
 *
 * See also: vial_engine_get_metrics.
 */

/** Asks a request to end; it takes effect within a step of the engine, and its last event still
 *  comes. A request that has ended is left alone. Any thread, callbacks included.
 *
 *  Returns OK. */
VIAL_API vial_status vial_request_cancel(vial_request *request);

/** Closes a request: cancels it if it is running and wipes its text once no call uses it. No
 *  callback of this request begins after it has returned.
 *
 *  Called from a thread of the host, it waits for a running callback of this request: when it
 *  returns, none runs, and the context may be freed. Do not hold a lock that the callback takes.
 *  Called from a callback, of whatever request or log, it does not wait. Callbacks of one engine
 *  never run at the same time, so when both are of one engine, none of this request runs besides
 *  the one that called. When they are of different engines, one of this request may still run when
 *  it returns: free the context when the request's own callback gets VIAL_EVENT_FINISHED (cancel it
 *  and close it there), or close it from another thread.
 *
 *  NULL, closed handles and handles of the parent process are ignored. Any thread, callbacks
 *  included. */
VIAL_API void vial_request_close(vial_request *request);

/** Where a request is. */
typedef uint32_t vial_request_state;

enum { VIAL_STATE_WAITING = 0, VIAL_STATE_RUNNING = 1, VIAL_STATE_FINISHED = 2 };

/** State and counts of a request. */
typedef struct vial_request_info {
  /** sizeof(vial_request_info). */
  uint32_t struct_size;
  /** VIAL_STATE_.... */
  vial_request_state state;
  /** VIAL_FINISH_.... */
  vial_finish_reason finish_reason;
  /** VIAL_STATUS_OK, or what failed when finish_reason is VIAL_FINISH_ERROR. */
  vial_status status;
  /** Tokens of the prompt. */
  uint64_t prompt_token_count;
  /** Tokens of the prompt that are done, computed or found in the prefix cache. */
  uint64_t computed_prompt_token_count;
  /** Tokens of the answer so far, the end token excluded, withheld reasoning included. */
  uint64_t token_count;
  /** Seconds in the queue. */
  double queue_seconds;
  /** Seconds from leaving the queue to the first token. */
  double prompt_seconds;
  /** Seconds from the first token to the end; 0 before it. */
  double generation_seconds;
  /** Tokens of the prompt that were found in the prefix cache instead of computed. */
  uint64_t cached_prompt_token_count;
  /** How often it was preempted and recomputed. */
  uint64_t preemption_count;
} vial_request_info;

/* clang-format off */
#define VIAL_REQUEST_INFO_INIT \
  {(uint32_t)sizeof(vial_request_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/** VIAL_REQUEST_INFO_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_request_info_init(vial_request_info *out_info, uint32_t struct_size);

/** Tells state and counts of a request. Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT. */
VIAL_API vial_status vial_request_get_info(vial_request *request, vial_request_info *out_info);

/** Copies the text of one part so far, whether or not its events were delivered. Any thread.
 *
 *  part        VIAL_PART_....
 *  out_text    Gets valid UTF-8 without a terminating zero; may be NULL when capacity is 0. A text
 *              that is cut off may end within a character.
 *  capacity    Bytes in out_text.
 *  out_length  Gets the length of the whole text in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_request_copy_text(vial_request *request, vial_answer_part part,
                                            char *out_text, uint64_t capacity,
                                            uint64_t *out_length);

/** Copies the token ids so far, reasoning included unless it is withheld, the end token excluded.
 *  Any thread.
 *
 *  out_tokens       Gets the ids; may be NULL when capacity is 0.
 *  capacity         Ids in out_tokens.
 *  out_token_count  Gets the number of ids.
 *
 *  Returns OK, INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_request_copy_tokens(vial_request *request, uint32_t *out_tokens,
                                              uint64_t capacity, uint64_t *out_token_count);

/** Copies the log-probabilities of the prompt's tokens so far, for a request with
 *  VIAL_REQUEST_SCORE_PROMPT. They are those of vial_model_score, as far as its first window goes.
 *  Any thread.
 *
 *  out_log_probabilities  Gets natural logarithms under the model's own distribution, one for each
 *                         token of the prompt in order; NaN for the first, which nothing precedes.
 *                         May be NULL when capacity is 0.
 *  capacity               Floats in out_log_probabilities.
 *  out_count              Gets their number: that of the prompt's tokens once all are computed.
 *
 *  Returns OK, INVALID_ARGUMENT (also: the request has no such flag), BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_request_copy_prompt_scores(vial_request *request,
                                                     float *out_log_probabilities,
                                                     uint64_t capacity, uint64_t *out_count);

/** Copies the likeliest tokens at one position of the prompt, best first: what the model expected
 *  there after the tokens before. Any thread. O(alternative_count).
 *
 *  index             Of a token of the prompt, from 0. The first has no alternatives.
 *  out_alternatives  Gets the alternatives; may be NULL when capacity is 0. The prompt's token may
 *                    be among them.
 *  capacity          Alternatives in out_alternatives.
 *  out_count         Gets their number; 0 for a token that has no score yet.
 *
 *  Returns OK, INVALID_ARGUMENT (also: the request has no VIAL_REQUEST_SCORE_PROMPT, or the prompt
 *  has no such token), BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_request_copy_prompt_alternatives(vial_request *request, uint64_t index,
                                                           vial_alternative *out_alternatives,
                                                           uint64_t capacity,
                                                           uint64_t *out_count);

/* ==== IV. Tokens, templates, scoring, metrics =================================================
 *
 * What a host needs that builds prompts itself, judges texts, or watches an engine.
 *
 * See also: vial_engine_submit, which takes texts, messages, templates and ids.
 */

/* ---- Text and tokens ----------------------------------------------------------------------- */

/* Example: how many tokens a note has.
 *
 *     uint64_t count = 0;
 *     vial_error error = VIAL_ERROR_INIT;
 *     if (vial_model_encode(model, vial_text_from(question), 0, NULL, 0, &count, &error) ==
 *         VIAL_STATUS_BUFFER_TOO_SMALL)
 *       printf("%u tokens\n", (unsigned)count);
 *
 * See also: tokens of vial_request_options; vial_model_score.
 */

/** Longest text of one call, all messages of a conversation together, in bytes. The tokenizer
 *  itself could take more (Spec/TOKENIZER.md). */
#define VIAL_TEXT_BYTE_LIMIT 16777216u
/** Most token ids of one call. */
#define VIAL_TOKEN_COUNT_LIMIT 16777216u
/** Most values, keys included, in the JSON of tools and further fields of one conversation; more
 *  are VIAL_STATUS_TOO_LONG. */
#define VIAL_VALUE_COUNT_LIMIT 262144u
/** Most messages of one call; more are VIAL_STATUS_TOO_LONG. A chat template takes 4,096
 *  (Spec/TEMPLATES.md, "Limits"): more than these are VIAL_STATUS_TEMPLATE. */
#define VIAL_MESSAGE_COUNT_LIMIT 65536u
/** Work that a chat template may take for no message at all, nanoseconds each (Spec/TEMPLATES.md,
 *  "Limits"); 64 more for each byte of the messages. One that takes more is VIAL_STATUS_TEMPLATE,
 *  on every machine. What a template makes has at most VIAL_TEXT_BYTE_LIMIT bytes, or is
 *  VIAL_STATUS_TOO_LONG. */
#define VIAL_TEMPLATE_WORK_LIMIT 67108864u

/** Steps of a nanosecond or so that a text may take for each of its bytes until the file's
 *  tokenizer is refused with VIAL_STATUS_FORMAT, on every machine at the same text: an honest one
 *  takes half at most, and a fifth for prose. Holds wherever text becomes tokens
 *  (Spec/TOKENIZER.md, "Limits"). */
#define VIAL_TOKENIZER_WORK_PER_BYTE 192u
/** Steps that a text may take however short it is. */
#define VIAL_TOKENIZER_WORK_LEAST 1000000u

/** Flags of vial_model_encode. */
enum {
  /** Adds the file's own tokens around the text (such as the beginning of a text). */
  VIAL_ENCODE_ADD_SPECIAL_TOKENS = 1,
  /** Text that spells a special token becomes that token. Never set it for what a person or a
   *  record wrote. */
  VIAL_ENCODE_ALLOW_SPECIAL_TOKENS = 2
};

/** Encodes a text as token ids. The text may be hostile. Any thread. O(n log n) at worst.
 *
 *  text             At most VIAL_TEXT_BYTE_LIMIT bytes.
 *  flags            VIAL_ENCODE_..., or 0.
 *  out_tokens       Gets the ids; may be NULL when capacity is 0.
 *  capacity         Ids in out_tokens. text.length + 34 is enough for almost every text.
 *  out_token_count  Gets the number of ids of the whole text.
 *  out_error        Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_UTF8, TOO_LONG (the text or its normalised form),
 *  BUFFER_TOO_SMALL, FORMAT (the tokenizer's tables make the text too costly), OUT_OF_MEMORY. */
VIAL_API vial_status vial_model_encode(vial_model *model, vial_text text, uint32_t flags,
                                       uint32_t *out_tokens, uint64_t capacity,
                                       uint64_t *out_token_count, vial_error *out_error);

/** Flags of vial_model_decode. */
enum {
  /** Leaves out special tokens. */
  VIAL_DECODE_SKIP_SPECIAL_TOKENS = 1
};

/** Decodes token ids to text. The ids may be hostile. Any thread. O(n).
 *
 *  tokens, token_count  At most VIAL_TOKEN_COUNT_LIMIT ids below vocabulary_size.
 *  flags                VIAL_DECODE_..., or 0.
 *  out_text             Gets valid UTF-8 without a terminating zero; what the tokens leave
 *                       incomplete is U+FFFD. May be NULL when capacity is 0. A text that is cut
 *                       off may end within a character.
 *  capacity             Bytes in out_text.
 *  out_length           Gets the length of the whole text in bytes.
 *  out_error            Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG, UNKNOWN_TOKEN, BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_model_decode(vial_model *model, const uint32_t *tokens,
                                       uint64_t token_count, uint32_t flags, char *out_text,
                                       uint64_t capacity, uint64_t *out_length,
                                       vial_error *out_error);

/** Copies the bytes that one token stands for; they need not be valid UTF-8. Any thread. O(1).
 *
 *  token       Below vocabulary_size. An id without a token has no bytes.
 *  out_bytes   Gets the bytes; may be NULL when capacity is 0.
 *  capacity    Bytes in out_bytes.
 *  out_length  Gets their number.
 *  out_error   Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, UNKNOWN_TOKEN, BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_model_copy_token_bytes(vial_model *model, uint32_t token,
                                                 uint8_t *out_bytes, uint64_t capacity,
                                                 uint64_t *out_length, vial_error *out_error);

/* ---- Chat and prompt templates ------------------------------------------------------------- */

/* Example: the ids of a prompt template's prompt.
 *
 *     uint32_t tokens[4096];
 *     uint64_t count = 0;
 *     vial_error error = VIAL_ERROR_INIT;
 *     vial_template_value value = {{"complaint", 9}, {NULL, 0}};
 *     value.text = vial_text_from(question);
 *     if (vial_model_render_prompt_template(model, vial_text_from("triage"), &value, 1, tokens,
 *                                           4096, &count, &error) != VIAL_STATUS_OK)
 *       fprintf(stderr, "%s\n", error.message);
 *
 * See also: messages, template_id and template_values of vial_request_options.
 */

/** Renders a conversation through the file's chat template into the token ids of a prompt that asks
 *  for an answer. Roles and contents may be hostile. Any thread. O(n log n) at worst, bounded by
 *  the template's step limit.
 *
 *  messages, message_count  In order; at most 4,096 (VIAL_MESSAGE_COUNT_LIMIT has the statuses),
 *                           together VIAL_TEXT_BYTE_LIMIT bytes.
 *  flags                    0.
 *  out_tokens               Gets the ids; may be NULL when capacity is 0.
 *  capacity                 Ids in out_tokens.
 *  out_token_count          Gets the number of ids of the whole prompt.
 *  out_error                Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_UTF8, TOO_LONG, NOT_IN_FILE (no chat template), TEMPLATE,
 *  BUFFER_TOO_SMALL, FORMAT (as vial_model_encode), OUT_OF_MEMORY. */
VIAL_API vial_status vial_model_render_chat_template(
    vial_model *model, const vial_message *messages, uint64_t message_count, uint32_t flags,
    uint32_t *out_tokens, uint64_t capacity, uint64_t *out_token_count, vial_error *out_error);

/** Texts of a prompt template. */
typedef uint32_t vial_template_text;

enum {
  /** Its id: what template_id names. */
  VIAL_TEMPLATE_TEXT_ID = 1,
  /** Its version, for people. */
  VIAL_TEMPLATE_TEXT_VERSION = 2,
  /** "symptoms", "diagnosis", "prescription", ... (Spec/TEMPLATES.md). */
  VIAL_TEMPLATE_TEXT_TASK = 3,
  /** A BCP 47 tag. */
  VIAL_TEMPLATE_TEXT_LANGUAGE = 4,
  /** Its title, for people; may be empty. */
  VIAL_TEMPLATE_TEXT_TITLE = 5,
  /** The JSON schema that its answers satisfy; empty when they are plain text. */
  VIAL_TEMPLATE_TEXT_SCHEMA = 6,
  /** Names of its variables, one a line, in order. */
  VIAL_TEMPLATE_TEXT_VARIABLES = 7,
  /** What its variables take: a JSON array with an object for each, in order: "name", "type"
   *  ("text", "integer", "number", "list", "choice", "date"), "required", and where they are stated
   *  "limit" (bytes), "items", "ranges" ("20..46 °C"), "units", "choices", "aliases" {alias: unit
   *  or choice}, "not_before" (another date), "default", "note" (Spec/TEMPLATES.md). */
  VIAL_TEMPLATE_TEXT_DECLARATIONS = 8
};

/** Copies a text of one of the file's prompt templates. It is valid UTF-8 but otherwise what the
 *  file's author wrote. Any thread. Reads and checks this template, whatever else the file has:
 *  O(its bytes).
 *
 *  index       From 0, in file order.
 *  which       VIAL_TEMPLATE_TEXT_....
 *  out_text    Gets the text, without a terminating zero; may be NULL when capacity is 0.
 *  capacity    Bytes in out_text.
 *  out_length  Gets the text's length in bytes.
 *  out_error   Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (there are not so many templates), BUFFER_TOO_SMALL,
 *  FORMAT (this one is damaged), TOO_LONG (declarations of more than a MiB), OUT_OF_MEMORY. */
VIAL_API vial_status vial_model_copy_template_text(vial_model *model, uint32_t index,
                                                   vial_template_text which, char *out_text,
                                                   uint64_t capacity, uint64_t *out_length,
                                                   vial_error *out_error);

/** Renders a prompt template through the file's chat template into the token ids of a prompt. Ids
 *  and values may be hostile. Any thread. O(n log n) at worst.
 *
 *  template_id          The template's id.
 *  values, value_count  At most VIAL_TEMPLATE_VALUE_LIMIT, in any order; together at most
 *                       VIAL_TEXT_BYTE_LIMIT bytes.
 *  out_tokens           Gets the ids; may be NULL when capacity is 0.
 *  capacity             Ids in out_tokens.
 *  out_token_count      Gets the number of ids of the whole prompt.
 *  out_error            Gets the details: which variable or value, by its number; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG, NOT_IN_FILE (no such template, no chat template),
 *  TEMPLATE (a value is missing, unknown, too long or not of its variable's type), FORMAT (the
 *  template is damaged; or as vial_model_encode), BUFFER_TOO_SMALL, OUT_OF_MEMORY. */
VIAL_API vial_status vial_model_render_prompt_template(
    vial_model *model, vial_text template_id, const vial_template_value *values,
    uint64_t value_count, uint32_t *out_tokens, uint64_t capacity, uint64_t *out_token_count,
    vial_error *out_error);

/* ---- Scoring ------------------------------------------------------------------------------- */

/* Example: the log-likelihood of some ids, the first one given.
 *
 *     const uint32_t tokens[4] = {1, 2, 3, 4};
 *     float log_probabilities[4];
 *     if (vial_model_score(model, tokens, 4, NULL, log_probabilities, NULL) == VIAL_STATUS_OK)
 *       printf("%f\n", log_probabilities[1] + log_probabilities[2] + log_probabilities[3]);
 *
 * See also: vial_model_encode; log_probability of vial_event; vial_request_copy_prompt_scores, for
 * prompts that an engine computes beside other requests.
 */

/** Options of vial_model_score. */
typedef struct vial_score_options {
  /** sizeof(vial_score_options). */
  uint32_t struct_size;
  /** VIAL_CACHE_...: the only option here but the adapter that changes a score. */
  vial_cache_type cache_type;
  /** 1 to VIAL_THREAD_LIMIT, the caller's included; 0: as many as affinity and quota of this
   *  process allow. */
  uint32_t thread_count;
  /** What the adapter's effect is multiplied by, within VIAL_ADAPTER_SCALE_LIMIT; 0: 1. 0 without
   *  an adapter. */
  float adapter_scale;
  /** Name of an adapter of the file, at most VIAL_ADAPTER_NAME_LIMIT bytes; absent: none. */
  vial_text adapter;
  /** A name of vial_isa_name, or NULL for the fastest. */
  const char *isa;
  /** May be NULL. */
  vial_progress progress;
  /** Passed to progress. */
  void *progress_context;
  /** 0. */
  uint64_t reserved[2];
} vial_score_options;

/* clang-format off */
#define VIAL_SCORE_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_score_options), VIAL_CACHE_F16, 0, 0, {0, 0}, 0, 0, 0, {0, 0}}
/* clang-format on */

/** VIAL_SCORE_OPTIONS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_score_options_init(vial_score_options *out_options, uint32_t struct_size);

/** Scores token ids: how probable each is after those before it. A long input is scored in
 *  consecutive windows of score_window tokens. Equal on every machine, whatever the threads and the
 *  instruction set. The ids may be hostile. Any thread; threads that the call starts end with it
 *  and block all signals. Computes for as long as a prompt of that length takes.
 *
 *  tokens, token_count    At most VIAL_TOKEN_COUNT_LIMIT ids below vocabulary_size.
 *  options                NULL: VIAL_SCORE_OPTIONS_INIT.
 *  out_log_probabilities  token_count floats. Gets natural logarithms; NaN for the first id of
 *                         every window, which nothing precedes, and, when the call fails, for all
 *                         that were not reached. May be NULL when token_count is 0.
 *  out_error              Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_UTF8 (adapter), TOO_LONG, UNKNOWN_TOKEN, NOT_IN_FILE (no
 *  adapter of that name), UNSUPPORTED_ISA, OUT_OF_MEMORY, NUMERIC, CANCELLED, FORMAT (the adapter
 *  is not one of this model; or verified lazily, and adapter or weights are damaged). */
VIAL_API vial_status vial_model_score(vial_model *model, const uint32_t *tokens,
                                      uint64_t token_count, const vial_score_options *options,
                                      float *out_log_probabilities, vial_error *out_error);

/* ---- Metrics ------------------------------------------------------------------------------- */

/* Example: how long the queue is, and how much of the KV cache is referenced.
 *
 *     vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
 *     if (vial_engine_get_metrics(engine, &metrics) == VIAL_STATUS_OK)
 *       printf("%u waiting, %u of %u blocks\n", (unsigned)metrics.waiting_count,
 *              (unsigned)metrics.referenced_block_count, (unsigned)metrics.block_count);
 *
 * See also: vial_engine_get_info, vial_request_get_info.
 */

/** Buckets of a latency histogram. */
#define VIAL_LATENCY_BUCKET_COUNT 16u
/** Capacity for counts by VIAL_FINISH_.... */
#define VIAL_FINISH_REASON_CAPACITY 16u

/** How often something took how long. */
typedef struct vial_latency_histogram {
  /** Values up to 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 and 60
   *  seconds, each without those of the bucket before it, and longer ones. */
  uint64_t counts[VIAL_LATENCY_BUCKET_COUNT];
  /** Seconds of all values. */
  double sum;
} vial_latency_histogram;

/** Counters and gauges of an engine; counters start when it is opened, and gauges may be those of a
 *  moment before the event that was delivered last. Nothing of a prompt, an answer or a tenant is
 *  in it. */
typedef struct vial_engine_metrics {
  /** sizeof(vial_engine_metrics). */
  uint32_t struct_size;
  /** 0. */
  uint32_t reserved;
  /** Requests that were accepted. */
  uint64_t submitted_count;
  /** Requests that were refused with VIAL_STATUS_BUSY. */
  uint64_t refused_count;
  /** Requests that ended, by VIAL_FINISH_.... */
  uint64_t finished_counts[VIAL_FINISH_REASON_CAPACITY];
  /** Requests that wait, preempted ones included. */
  uint64_t waiting_count;
  /** Requests that are computed. */
  uint64_t running_count;
  /** KV blocks in all. A block has 64 tokens of all layers; of a model whose layers have windows,
   *  of a group of layers with the same window. */
  uint64_t block_count;
  /** Blocks that requests and pinned prompts reference. */
  uint64_t referenced_block_count;
  /** Blocks that are only cached, for prompts with the same prefix. */
  uint64_t cached_block_count;
  /** Blocks of pinned prompts. */
  uint64_t pinned_block_count;
  /** Cached blocks that were evicted and wiped because their memory was needed. */
  uint64_t eviction_count;
  /** How often a request was preempted and recomputed. */
  uint64_t preemption_count;
  /** Tokens of prompts that were computed, those recomputed included. */
  uint64_t prompt_token_count;
  /** Tokens of ended requests that were found in the prefix cache instead. */
  uint64_t cached_token_count;
  /** Tokens that were generated. */
  uint64_t generated_token_count;
  /** Steps. */
  uint64_t step_count;
  /** Seconds of all steps. */
  double step_seconds;
  /** Seconds from submission to the first token. */
  vial_latency_histogram first_token_histogram;
  /** Seconds from a token of a request to its next. */
  vial_latency_histogram inter_token_histogram;
  /** 0. */
  uint64_t reserved_counts[2];
} vial_engine_metrics;

/* clang-format off */
#define VIAL_ENGINE_METRICS_INIT \
  {(uint32_t)sizeof(vial_engine_metrics), 0, 0, 0, {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
   {{0}, 0}, {{0}, 0}, {0, 0}}
/* clang-format on */

/** VIAL_ENGINE_METRICS_INIT as a function (see vial_error_init). */
VIAL_API vial_status vial_engine_metrics_init(vial_engine_metrics *out_metrics,
                                              uint32_t struct_size);

/** Tells an engine's counters and gauges. Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT. */
VIAL_API vial_status vial_engine_get_metrics(vial_engine *engine,
                                             vial_engine_metrics *out_metrics);

/** Copies the same as text in Prometheus' exposition format, for a host that serves it. Any thread.
 *  The text grows by a few bytes between two calls: call with 16,384 bytes at once.
 *
 *  out_text    Gets ASCII without a terminating zero; may be NULL when capacity is 0.
 *  capacity    Bytes in out_text.
 *  out_length  Gets the length of the whole text in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
VIAL_API vial_status vial_engine_copy_metrics_text(vial_engine *engine, char *out_text,
                                                   uint64_t capacity, uint64_t *out_length);

#ifdef __cplusplus
}
#endif

#endif
