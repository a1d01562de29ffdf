/* vial.h: medical language models from one mapped file.
 *
 * Owns: the whole contract between libvial and its callers; this page is the manual.
 * Must not: hold code. Functions are implemented in Sources/VialABI, checked against this page when compiled.
 *
 * THE COMMON THING
 *
 *     vial_model *model = NULL;
 *     vial_error error = VIAL_ERROR_INIT;
 *     if (vial_model_open("r1.vial", NULL, &model, &error) != VIAL_STATUS_OK)
 *       return fail(error.sentence);
 *     vial_engine *engine = NULL;
 *     vial_request *request = NULL;
 *     vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
 *     options.text = question;
 *     options.text_length = question_length;
 *     if (vial_engine_open(model, NULL, &engine, &error) != VIAL_STATUS_OK ||
 *         vial_engine_submit(engine, &options, &request, &error) != VIAL_STATUS_OK)
 *       return fail(error.sentence);
 *     vial_event event = VIAL_EVENT_INIT;
 *     while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
 *       fwrite(event.text, 1, event.text_length, stdout);
 *     vial_request_close(request);
 *     vial_engine_close(engine);
 *     vial_model_close(model);
 *
 * WHAT HOLDS EVERYWHERE
 *
 * - A function returns a vial_status, or is void, or is a plain getter that cannot fail. Nothing here aborts,
 *   exits, writes to stdout or stderr, installs a signal handler or reads an environment variable.
 * - Files, texts, token ids, lengths and struct sizes may be hostile: each is checked before its use. Pointers
 *   are the caller's word: NULL and misaligned ones are refused, others must point to what is described.
 * - Text is UTF-8 given as pointer and byte length; it needs no terminating zero and may contain zeros. The
 *   pointer may be NULL when the length is 0. The caller keeps it valid and unchanged during the call; the
 *   library wipes the copies that it made, those of a request when it is closed, all others before the call ends.
 *   Keys and values that the model computed from a text may stay in the engine for later prompts of the same tenant
 *   that begin alike, until their memory is needed, vial_engine_forget_tenant or vial_engine_close; then they are
 *   wiped. VIAL_REQUEST_PRIVATE and VIAL_ENGINE_NO_SHARING leave nothing.
 * - Outputs come last and are named out_.... They belong to the caller and must not overlap the inputs.
 * - Buffers come as capacity (in elements), buffer, and the number that was needed. The buffer may be NULL when
 *   the capacity is 0. When the capacity is too small, the status is VIAL_STATUS_BUFFER_TOO_SMALL, the first
 *   `capacity` elements are written and the number needed is told: ask again with more room.
 * - A struct begins with struct_size, its size as the caller was compiled: use the _INIT macro. A size of
 *   0 or below that of the first release is VIAL_STATUS_INVALID_STRUCT_SIZE. Options of a newer header are accepted
 *   when all bytes that this library does not know are 0; such bytes of an output struct are set to 0.
 * - Flags and reserved fields that are not described here must be 0, otherwise VIAL_STATUS_INVALID_ARGUMENT.
 * - Handles are not addresses. A handle that was closed, or never was one, is VIAL_STATUS_INVALID_HANDLE.
 * - Patient text is never part of a status, a sentence or anything else that might reach a log.
 * - Any function that takes a handle may also return: VIAL_STATUS_INVALID_HANDLE, VIAL_STATUS_FORKED.
 *
 * THREADS
 *
 *   what           use from several threads   close
 *   -------------  -------------------------  --------------------------------------------------------------
 *   vial_model     yes, at the same time      from any thread, at any time: calls that are under way finish
 *   vial_engine    yes, at the same time      from any thread but a delivery thread: waits for the current step
 *   vial_request   yes, at the same time      from any thread, at any time; its events' pointers end with it
 *   structs        one thread at a time       (the caller's own memory)
 *
 * Callbacks of requests and the log run on one delivery thread per engine, never on a computing thread, with no lock
 * held, in order. They may submit, cancel and close requests; closing an engine from one is VIAL_STATUS_IN_CALLBACK.
 *
 * After fork, a handle of the parent gives VIAL_STATUS_FORKED in the child, and closing it there is allowed and
 * does nothing: the parent's threads are not there. The child may open models and engines of its own.
 *
 * THE ONE EXCEPTION
 *
 * A mapped file that somebody truncates while it is in use raises SIGBUS in this process. Replace files by
 * renaming, or open with VIAL_ACCESS_PRIVATE_COPY, which is immune.
 *
 * STABILITY
 *
 * Symbols and status numbers are never removed or changed; structs grow at their end. Until version 1.0 (SONAME
 * libvial.so.0) an exception is a line in CHANGELOG.md. Answers are stable in a number of their own:
 * vial_arithmetic_version.
 */
#ifndef VIAL_H
#define VIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Versions ------------------------------------------------------------------------------------------ */

/** Version of this header: first number. */
#define VIAL_VERSION_MAJOR 0
/** Second number. */
#define VIAL_VERSION_MINOR 1
/** Third number. */
#define VIAL_VERSION_PATCH 0
/** All three as text. */
#define VIAL_VERSION_TEXT "0.1.0"
/** ABI of this header: the number in the library's SONAME. */
#define VIAL_ABI 0

/** The library's version: major << 16 | minor << 8 | patch. Any thread, no handle. */
uint32_t vial_version_number(void);

/** The library's version as text, "0.1.0". Static memory. Any thread. */
const char *vial_version_text(void);

/** The library's ABI; differs from VIAL_ABI when header and library do not belong together. Any thread. */
uint32_t vial_abi_version(void);

/** The newest file format that the library reads: major << 16 | minor. Any thread. */
uint32_t vial_format_version(void);

/** The arithmetic: with the same number, the same file and the same request give the same bytes. Any thread. */
uint32_t vial_arithmetic_version(void);

/** Name of an instruction-set family that this CPU runs, fastest first ("avx512vnni", "avx2", "reference"), or
 *  NULL when `index` is not below their number. All give the same bits. Static memory. Any thread. */
const char *vial_isa_name(uint32_t index);

/* ---- Statuses ------------------------------------------------------------------------------------------ */

/** What became of a call: one of the numbers below. A later library may return numbers that are not listed here. */
typedef int32_t vial_status;

enum {
  /** It worked. */
  VIAL_STATUS_OK = 0,
  /** A pointer is NULL or misaligned, or a number, flag or reserved field is not one of those allowed. */
  VIAL_STATUS_INVALID_ARGUMENT = 1,
  /** The handle was closed, or never was one. */
  VIAL_STATUS_INVALID_HANDLE = 2,
  /** struct_size is too small, or bytes that this library does not know are not 0. */
  VIAL_STATUS_INVALID_STRUCT_SIZE = 3,
  /** A text is not valid UTF-8; byte_offset of the error says where. */
  VIAL_STATUS_INVALID_UTF8 = 4,
  /** A length or a count is above its limit. */
  VIAL_STATUS_TOO_LONG = 5,
  /** The output needs more room; how much was told. */
  VIAL_STATUS_BUFFER_TOO_SMALL = 6,
  /** Memory is short. Nothing was changed. */
  VIAL_STATUS_OUT_OF_MEMORY = 7,
  /** The operating system refused; system_code of the error is its errno (0 when there is none). */
  VIAL_STATUS_SYSTEM = 8,
  /** The file breaks a rule; rule and byte_offset of the error say which (Spec/FORMAT.md) and where. */
  VIAL_STATUS_FORMAT = 9,
  /** A token id is not in the model's vocabulary. */
  VIAL_STATUS_UNKNOWN_TOKEN = 10,
  /** The file does not have what was asked for. */
  VIAL_STATUS_NOT_IN_FILE = 11,
  /** The chat template refuses these messages, or exceeds its limits; or values do not fit a prompt template. */
  VIAL_STATUS_TEMPLATE = 12,
  /** The computation met a value that is infinite or not a number: the weights are damaged. */
  VIAL_STATUS_NUMERIC = 13,
  /** The caller's callback asked to stop. */
  VIAL_STATUS_CANCELLED = 14,
  /** The handle belongs to the process that forked this one. */
  VIAL_STATUS_FORKED = 15,
  /** This CPU cannot run the instruction-set family that was asked for. */
  VIAL_STATUS_UNSUPPORTED_ISA = 16,
  /** More models, engines and requests are open than the library has handles for. */
  VIAL_STATUS_TOO_MANY_HANDLES = 17,
  /** None of the trusted keys signed the file as it is. */
  VIAL_STATUS_UNTRUSTED = 18,
  /** The answer cannot be held to this schema, or to these choices. */
  VIAL_STATUS_SCHEMA = 19,
  /** The engine's queue, or its tenant's part of it, is full: try again later. */
  VIAL_STATUS_BUSY = 20,
  /** The engine or the request was closed meanwhile. */
  VIAL_STATUS_CLOSED = 21,
  /** Nothing happened within the time. */
  VIAL_STATUS_TIMED_OUT = 22,
  /** The last event was handed out before. */
  VIAL_STATUS_FINISHED = 23,
  /** Not allowed from a callback. */
  VIAL_STATUS_IN_CALLBACK = 24
};

/** "VIAL_STATUS_OK" and so on; "VIAL_STATUS_UNKNOWN" for any other number. Static memory. Any thread. */
const char *vial_status_name(vial_status status);

/** One English sentence without a full stop, for logs. Static memory. Any thread. */
const char *vial_status_sentence(vial_status status);

/** Details of a failed call, in the caller's memory. Never holds text of a prompt, an answer or a file, nor a
 *  path. A function that takes one fills it whenever it returns a status other than
 *  VIAL_STATUS_INVALID_STRUCT_SIZE for this very struct, VIAL_STATUS_OK included. */
typedef struct vial_error {
  /** sizeof(vial_error). */
  uint32_t struct_size;
  /** What the function returned. */
  vial_status status;
  /** Number of the broken rule, as in R-203; 0 when there is none. */
  uint32_t rule;
  /** errno; 0 when there is none. */
  int32_t system_code;
  /** Where: a byte offset in the file or section (with a rule) or in the text; 0 when there is none. */
  uint64_t byte_offset;
  /** One sentence, zero-terminated. */
  char sentence[232];
} vial_error;

#define VIAL_ERROR_INIT {(uint32_t)sizeof(vial_error), 0, 0, 0, 0, {0}}

/* ---- Models -------------------------------------------------------------------------------------------- */

/** A model in an opened file. Immutable and shared between threads. */
typedef struct vial_model vial_model;

/** Most models, engines and requests open at the same time in a process. */
#define VIAL_HANDLE_LIMIT 65535u

/** How the file gets into memory. */
enum {
  /** Shared with all processes that map it; nothing is read until it is needed. */
  VIAL_ACCESS_MAPPED = 0,
  /** Read into memory of this process, for files that somebody may change or truncate meanwhile. */
  VIAL_ACCESS_PRIVATE_COPY = 1
};

/** When bytes of the file are compared with their digests. */
enum {
  /** Configuration and tensor table when it is opened. Damaged weights then give wrong answers. */
  VIAL_VERIFICATION_TABLES = 0,
  /** Tokenizer, template and provenance, too, when it is opened, and each MiB of the weights before it is first
   *  computed with: the first prompt takes longer by the time that hashing takes, later ones do not. A call that
   *  meets damaged weights returns FORMAT with rule 220 and computes nothing with them. An adapter is read whole by
   *  the first call that names it. */
  VIAL_VERIFICATION_LAZY = 1,
  /** Every byte when it is opened, as vial_model_verify does with as many threads as affinity and quota allow. */
  VIAL_VERIFICATION_WHOLE = 2
};

/** Most trusted keys of one call. */
#define VIAL_TRUSTED_KEY_LIMIT 64u

/** Options of vial_model_open.
 *
 *  With trusted keys, only a file that one of them signed as it is now opens (vial sign; Spec/FORMAT.md). The table with
 *  every section's digest is then vouched for, and what is opened is held against it: VIAL_VERIFICATION_TABLES acts
 *  as VIAL_VERIFICATION_LAZY. Open files that others can write with VIAL_ACCESS_PRIVATE_COPY. */
typedef struct vial_model_options {
  /** sizeof(vial_model_options). */
  uint32_t struct_size;
  /** VIAL_ACCESS_.... */
  uint32_t access;
  /** VIAL_VERIFICATION_.... */
  uint32_t verification;
  /** Keys in trusted_keys; at most VIAL_TRUSTED_KEY_LIMIT. */
  uint32_t trusted_key_count;
  /** Ed25519 public keys, 32 bytes each; NULL asks for no signature. A list of no keys trusts nobody. */
  const uint8_t *trusted_keys;
} vial_model_options;

#define VIAL_MODEL_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_model_options), VIAL_ACCESS_MAPPED, VIAL_VERIFICATION_TABLES, 0, 0}

/** Opens a model file. Its tables are validated; the verification option says what else is checked.
 *
 *  The file may be hostile. Any thread. O(sections + tensors), milliseconds for any model, unless the whole file is
 *  verified.
 *
 *  path       Zero-terminated UTF-8; any string that the operating system takes.
 *  options    NULL: VIAL_MODEL_OPTIONS_INIT.
 *  out_model  Gets the handle, or NULL on failure. The caller closes it.
 *  out_error  Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_UTF8 (path), TOO_LONG (trusted_key_count),
 *  OUT_OF_MEMORY, SYSTEM, FORMAT, UNTRUSTED, TOO_MANY_HANDLES. */
vial_status vial_model_open(const char *path, const vial_model_options *options, vial_model **out_model,
                            vial_error *out_error);

/** Closes a model. Calls that are under way in other threads finish; the file is unmapped after the last.
 *  NULL, a handle that is already closed, and a handle of the parent process are ignored. Any thread, callbacks
 *  included. */
void vial_model_close(vial_model *model);

/** Flags of vial_model_information. */
enum {
  /** vial_model_render_chat works. */
  VIAL_MODEL_HAS_CHAT_TEMPLATE = 1,
  /** The output head is the embedding. */
  VIAL_MODEL_HAS_TIED_EMBEDDING = 2,
  /** A prompt starts with begin_token. */
  VIAL_MODEL_BEGINS_WITH_TOKEN = 4,
  /** The file carries a notice for users: show VIAL_TEXT_NOTICE before the first answer. */
  VIAL_MODEL_HAS_NOTICE = 8
};

/** No token. */
#define VIAL_TOKEN_NONE 0xFFFFFFFFu

/** What a file holds. */
typedef struct vial_model_information {
  /** sizeof(vial_model_information). */
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
  /** Numbers in a token's hidden state. */
  uint32_t hidden_size;
  /** Numbers between the two halves of a feed-forward block. */
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
  /** The token that begins a text, or VIAL_TOKEN_NONE. */
  uint32_t begin_token;
  /** Adapters that requests may use. */
  uint32_t adapter_count;
  /** SHA-256 over configuration, tokenizer and weights. */
  uint8_t model_digest[32];
  /** SHA-256 over everything but signatures. */
  uint8_t file_digest[32];
} vial_model_information;

/* clang-format off */
#define VIAL_MODEL_INFORMATION_INIT \
  {(uint32_t)sizeof(vial_model_information), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, {0}}
/* clang-format on */

/** Tells what a file holds. Any thread. O(tensors).
 *
 *  out_information  struct_size is the caller's, the rest is filled.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE. */
vial_status vial_model_get_information(vial_model *model, vial_model_information *out_information);

/** Texts of a model. */
enum {
  /** "qwen2", "llama". */
  VIAL_TEXT_ARCHITECTURE = 1,
  /** The model's name; may be empty. */
  VIAL_TEXT_NAME = 2,
  /** What every user must be shown. */
  VIAL_TEXT_NOTICE = 3,
  /** The model digest as 64 hexadecimal digits. */
  VIAL_TEXT_MODEL_DIGEST = 4,
  /** The file digest as 64 hexadecimal digits. */
  VIAL_TEXT_FILE_DIGEST = 5
};

/** Copies a text of the file. It is valid UTF-8 but otherwise what the file's maker wrote: escape it before
 *  showing it. Any thread.
 *
 *  text        VIAL_TEXT_....
 *  capacity    Bytes in out_text.
 *  out_text    Gets the text, without a terminating zero; may be NULL when capacity is 0.
 *  out_length  Gets the text's length in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (no notice), BUFFER_TOO_SMALL, FORMAT (provenance is damaged). */
vial_status vial_model_get_text(vial_model *model, uint32_t text, uint64_t capacity, char *out_text,
                                uint64_t *out_length);

/* ---- Adapters ------------------------------------------------------------------------------------------ */

/** Longest name of an adapter, in bytes. */
#define VIAL_ADAPTER_NAME_LIMIT 255u
/** Most that a request may multiply an adapter's effect by, and, as a negative number, least. */
#define VIAL_ADAPTER_SCALE_LIMIT 100.0f

/** What an adapter of a file is. */
typedef struct vial_adapter_information {
  /** sizeof(vial_adapter_information). */
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
} vial_adapter_information;

#define VIAL_ADAPTER_INFORMATION_INIT {(uint32_t)sizeof(vial_adapter_information), 0, 0, 0, 0, 0, {0}}

/** Tells one of a model's adapters; they are in ascending order of their names. Adapters of the file that do not fit
 *  the model are not among them (vial_model_verify says what is wrong). Any thread. O(1).
 *
 *  index            Below adapter_count of vial_model_information.
 *  capacity         Bytes in out_name; VIAL_ADAPTER_NAME_LIMIT is always enough.
 *  out_name         Gets the name without a terminating zero, valid UTF-8 without control characters; may be NULL
 *                   when capacity is 0.
 *  out_length       Gets the name's length in bytes.
 *  out_information  struct_size is the caller's, the rest is filled; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, NOT_IN_FILE (no adapter of that index), BUFFER_TOO_SMALL. */
vial_status vial_model_get_adapter(vial_model *model, uint32_t index, uint64_t capacity, char *out_name,
                                   uint64_t *out_length, vial_adapter_information *out_information);

/* ---- Verifying ----------------------------------------------------------------------------------------- */

/** Most threads. */
#define VIAL_THREAD_LIMIT 1024u

/** Told on the calling thread, without a lock held, how far a call is: `done` of `total` ids when scoring, bytes when
 *  verifying. It may call any function of this header, must return normally (no longjmp, no exception), and returns
 *  0 to go on or anything else to stop. */
typedef int32_t (*vial_progress)(void *context, uint64_t done, uint64_t total);

/** Options of vial_model_verify. */
typedef struct vial_verify_options {
  /** sizeof(vial_verify_options). */
  uint32_t struct_size;
  /** 1 to VIAL_THREAD_LIMIT, the caller's included; 0: as many as affinity and quota of this process allow. */
  uint32_t thread_count;
  /** May be NULL. */
  vial_progress progress;
  /** Handed to progress. */
  void *context;
} vial_verify_options;

#define VIAL_VERIFY_OPTIONS_INIT {(uint32_t)sizeof(vial_verify_options), 0, 0, 0}

/** Reads the model's whole file: every section against its digest, every weight against the rules of its encoding,
 *  texts, tokenizer and templates. Any thread; threads that the call starts end with it and block all signals. Takes
 *  as long as reading and hashing the file.
 *
 *  options    NULL: VIAL_VERIFY_OPTIONS_INIT.
 *  out_error  Gets the first problem: rule and offset; may be NULL.
 *
 *  Returns OK (the file is whole), INVALID_ARGUMENT, INVALID_STRUCT_SIZE, FORMAT, CANCELLED. */
vial_status vial_model_verify(vial_model *model, const vial_verify_options *options, vial_error *out_error);

/* ---- Text and tokens ----------------------------------------------------------------------------------- */

/** Longest text of one call, all messages of a conversation together, in bytes. */
#define VIAL_TEXT_BYTE_LIMIT 16777216u
/** Most token ids of one call. */
#define VIAL_TOKEN_COUNT_LIMIT 16777216u
/** Most messages of one conversation. */
#define VIAL_MESSAGE_COUNT_LIMIT 65536u

/** Flags of vial_model_tokenize. */
enum {
  /** Puts the file's own tokens around the text (such as the beginning of a text). */
  VIAL_TOKENIZE_ADD_SPECIAL = 1,
  /** Text that spells a special token stays text: right for everything that a person or a record wrote. */
  VIAL_TOKENIZE_LITERAL = 2
};

/** Turns text into token ids. The text may be hostile. Any thread. O(n log n) at worst.
 *
 *  text, text_length  UTF-8; at most VIAL_TEXT_BYTE_LIMIT bytes.
 *  flags              VIAL_TOKENIZE_..., or 0.
 *  token_capacity     Ids in out_tokens. text_length + 34 is enough for almost every text.
 *  out_tokens         Gets the ids; may be NULL when token_capacity is 0.
 *  out_token_count    Gets the number of ids of the whole text.
 *  out_error          Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_UTF8, TOO_LONG, BUFFER_TOO_SMALL. */
vial_status vial_model_tokenize(vial_model *model, const char *text, uint64_t text_length, uint32_t flags,
                                uint64_t token_capacity, uint32_t *out_tokens, uint64_t *out_token_count,
                                vial_error *out_error);

/** Flags of vial_model_detokenize. */
enum {
  /** Leaves out special tokens. */
  VIAL_DETOKENIZE_SKIP_SPECIAL = 1
};

/** Turns token ids into text. The ids may be hostile. Any thread. O(n).
 *
 *  tokens, token_count  At most VIAL_TOKEN_COUNT_LIMIT ids below vocabulary_size.
 *  flags                VIAL_DETOKENIZE_..., or 0.
 *  capacity             Bytes in out_text.
 *  out_text             Gets valid UTF-8 without a terminating zero; what the tokens leave incomplete is U+FFFD.
 *                       May be NULL when capacity is 0. A text that is cut off may end within a character.
 *  out_length           Gets the length of the whole text in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG, UNKNOWN_TOKEN, BUFFER_TOO_SMALL. */
vial_status vial_model_detokenize(vial_model *model, const uint32_t *tokens, uint64_t token_count, uint32_t flags,
                                  uint64_t capacity, char *out_text, uint64_t *out_length);

/** Copies the bytes that one token stands for; they need not be valid UTF-8. Any thread. O(1).
 *
 *  token       Below vocabulary_size. An id without a token has no bytes.
 *  capacity    Bytes in out_bytes.
 *  out_bytes   Gets the bytes; may be NULL when capacity is 0.
 *  out_length  Gets their number.
 *
 *  Returns OK, INVALID_ARGUMENT, UNKNOWN_TOKEN, BUFFER_TOO_SMALL. */
vial_status vial_model_get_token_bytes(vial_model *model, uint32_t token, uint64_t capacity, uint8_t *out_bytes,
                                       uint64_t *out_length);

/** Flags of a message. */
enum {
  /** Content that spells a special token becomes that token. Never set it for what a person or a record wrote:
   *  such text could then speak in the system's voice. */
  VIAL_MESSAGE_NOT_LITERAL = 1
};

/** A message of a conversation. */
typedef struct vial_message {
  /** UTF-8: "system", "user", "assistant" or what else the template knows. */
  const char *role;
  /** Bytes in role. */
  uint64_t role_length;
  /** UTF-8. */
  const char *content;
  /** Bytes in content. */
  uint64_t content_length;
  /** VIAL_MESSAGE_..., or 0. */
  uint32_t flags;
  /** 0. */
  uint32_t reserved;
} vial_message;

/** Renders a conversation through the file's chat template into the token ids of a prompt that asks for an answer.
 *  Roles and contents may be hostile. Any thread. O(n log n) at worst, bounded by the template's step limit.
 *
 *  messages, message_count  In order; at most VIAL_MESSAGE_COUNT_LIMIT, together VIAL_TEXT_BYTE_LIMIT bytes.
 *  flags                    0.
 *  token_capacity           Ids in out_tokens.
 *  out_tokens               Gets the ids; may be NULL when token_capacity is 0.
 *  out_token_count          Gets the number of ids of the whole prompt.
 *  out_error                Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_UTF8, TOO_LONG, NOT_IN_FILE (no chat template),
 *  TEMPLATE, BUFFER_TOO_SMALL, OUT_OF_MEMORY. */
vial_status vial_model_render_chat(vial_model *model, const vial_message *messages, uint64_t message_count,
                                   uint32_t flags, uint64_t token_capacity, uint32_t *out_tokens,
                                   uint64_t *out_token_count, vial_error *out_error);

/** A value for a variable of a prompt template. */
typedef struct vial_template_value {
  /** The variable's name, UTF-8. */
  const char *name;
  /** Bytes in name. */
  uint64_t name_length;
  /** UTF-8. A number is decimal, with its unit behind it ("7.2 mmol/L"); a date is YYYY-MM-DD; a list has an item a
   *  line. Whatever a value spells stays text: never a special token, a tag or another variable. */
  const char *text;
  /** Bytes in text. */
  uint64_t text_length;
} vial_template_value;

/** Most values of a template. */
#define VIAL_TEMPLATE_VALUE_LIMIT 64u

/** Texts of a prompt template. */
enum {
  /** How it is asked for. */
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
  VIAL_TEMPLATE_TEXT_VARIABLES = 7
};

/** Copies a text of one of the file's prompt templates. It is valid UTF-8 but otherwise what the file's maker wrote.
 *  Any thread.
 *
 *  index       From 0, in file order.
 *  text        VIAL_TEMPLATE_TEXT_....
 *  capacity    Bytes in out_text.
 *  out_text    Gets the text, without a terminating zero; may be NULL when capacity is 0.
 *  out_length  Gets the text's length in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, NOT_IN_FILE (there are not so many templates), BUFFER_TOO_SMALL, FORMAT (it is
 *  damaged). */
vial_status vial_model_get_template_text(vial_model *model, uint32_t index, uint32_t text, uint64_t capacity,
                                         char *out_text, uint64_t *out_length);

/** Renders a prompt template through the file's chat template into the token ids of a prompt. Ids and values may be
 *  hostile. Any thread. O(n log n) at worst.
 *
 *  id, id_length         The template's id.
 *  values, value_count   At most VIAL_TEMPLATE_VALUE_LIMIT, in any order; together at most VIAL_TEXT_BYTE_LIMIT bytes.
 *  token_capacity        Ids in out_tokens.
 *  out_tokens            Gets the ids; may be NULL when token_capacity is 0.
 *  out_token_count       Gets the number of ids of the whole prompt.
 *  out_error             Gets the details: which variable or value, by its number; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, TOO_LONG, NOT_IN_FILE (no such template, no chat template),
 *  TEMPLATE (a value is missing, unknown, too long or not of its variable's type), FORMAT, BUFFER_TOO_SMALL,
 *  OUT_OF_MEMORY. */
vial_status vial_model_render_template(vial_model *model, const char *id, uint64_t id_length,
                                       const vial_template_value *values, uint64_t value_count,
                                       uint64_t token_capacity, uint32_t *out_tokens, uint64_t *out_token_count,
                                       vial_error *out_error);

/* ---- Scoring ------------------------------------------------------------------------------------------- */

/** Number types of cached keys and values: the only option that changes a score. */
enum { VIAL_CACHE_F16 = 0, VIAL_CACHE_F32 = 1, VIAL_CACHE_INT8 = 2 };

/** Options of vial_model_score. */
typedef struct vial_score_options {
  /** sizeof(vial_score_options). */
  uint32_t struct_size;
  /** VIAL_CACHE_.... */
  uint32_t cache_type;
  /** 1 to VIAL_THREAD_LIMIT, the caller's included; 0: as many as affinity and quota of this process allow. */
  uint32_t thread_count;
  /** 0. */
  uint32_t reserved;
  /** A name of vial_isa_name, or NULL for the fastest. */
  const char *isa;
  /** May be NULL. */
  vial_progress progress;
  /** Handed to progress. */
  void *context;
  /** Name of an adapter of the file, UTF-8; NULL or no bytes: none. */
  const char *adapter;
  /** Bytes in adapter; at most VIAL_ADAPTER_NAME_LIMIT. */
  uint64_t adapter_length;
  /** What the adapter's effect is multiplied by, within VIAL_ADAPTER_SCALE_LIMIT; 0: 1. 0 without an adapter. */
  float adapter_scale;
  /** 0. */
  uint32_t adapter_reserved;
} vial_score_options;

#define VIAL_SCORE_OPTIONS_INIT {(uint32_t)sizeof(vial_score_options), VIAL_CACHE_F16, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** Scores token ids: how probable each is after those before it. A long input is scored in consecutive windows of
 *  score_window tokens. Equal on every machine, whatever the threads and the instruction set. The ids may be
 *  hostile. Any thread; threads that the call starts end with it and block all signals. Computes for as long as
 *  a prompt of that length takes.
 *
 *  tokens, token_count     At most VIAL_TOKEN_COUNT_LIMIT ids below vocabulary_size.
 *  options                 NULL: VIAL_SCORE_OPTIONS_INIT.
 *  out_log_probabilities   Room for token_count floats. Gets natural logarithms; NaN for the first id of every
 *                          window, which nothing precedes, and, when the call fails, for all that were not reached.
 *                          May be NULL when token_count is 0.
 *  out_error               Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_UTF8 (adapter), TOO_LONG, UNKNOWN_TOKEN,
 *  NOT_IN_FILE (no adapter of that name), UNSUPPORTED_ISA, OUT_OF_MEMORY, NUMERIC, CANCELLED, FORMAT (the adapter is
 *  not one of this model; or verified lazily, and adapter or weights are damaged). */
vial_status vial_model_score(vial_model *model, const uint32_t *tokens, uint64_t token_count,
                             const vial_score_options *options, float *out_log_probabilities,
                             vial_error *out_error);

/* ---- Engines ------------------------------------------------------------------------------------------- */

/** An engine answers requests over one model: it has the threads that compute, the KV cache, a queue, and one
 *  thread that calls callbacks. Requests are batched: an answer's bytes do not depend on its neighbours. */
typedef struct vial_engine vial_engine;

/** One generation. */
typedef struct vial_request vial_request;

/** How serious a line of the log is. */
enum { VIAL_LOG_INFORMATION = 1, VIAL_LOG_WARNING = 2 };

/** Told on the engine's delivery thread, without a lock held, what the engine does: one zero-terminated sentence,
 *  valid during the call, never with text of a prompt, an answer or a file. Must return normally. */
typedef void (*vial_log)(void *context, uint32_t level, const char *sentence);

/** Gives `byte_count` bytes at a multiple of `alignment`, or NULL when memory is short. Any thread. */
typedef void *(*vial_allocate)(void *context, uint64_t byte_count, uint64_t alignment);

/** Takes back what vial_allocate gave; it was wiped. Any thread. */
typedef void (*vial_release)(void *context, void *memory, uint64_t byte_count);

/** Most requests that an engine computes together. */
#define VIAL_RUNNING_LIMIT 4096u

/** Flags of an engine. */
enum {
  /** No request uses or leaves keys and values of others. */
  VIAL_ENGINE_NO_SHARING = 1
};

/** Options of vial_engine_open. All 0 but struct_size is a good choice. */
typedef struct vial_engine_options {
  /** sizeof(vial_engine_options). */
  uint32_t struct_size;
  /** VIAL_CACHE_...: the only option here that changes an answer. */
  uint32_t cache_type;
  /** Threads that compute, 1 to VIAL_THREAD_LIMIT; 0: as many as affinity and quota of this process allow. */
  uint32_t thread_count;
  /** Most requests that wait, 1 to 1,048,576; 0: 1024. One more is VIAL_STATUS_BUSY. */
  uint32_t queue_limit;
  /** Most bytes of KV cache, for all requests together; 0: enough for 32,768 tokens. Reserved at once; memory that was
   *  never used costs nothing. A request that is larger than this is refused; when those that run need more together,
   *  the latest ones of the lowest priority wait and are computed again, which changes none of their bytes. */
  uint64_t cache_byte_limit;
  /** A name of vial_isa_name, or NULL for the fastest. */
  const char *isa;
  /** May be NULL. */
  vial_log log;
  /** Handed to log. */
  void *log_context;
  /** Where the KV cache and the other large buffers come from; NULL: the system. */
  vial_allocate allocate;
  /** NULL if and only if allocate is. */
  vial_release release;
  /** Handed to allocate and release. */
  void *memory_context;
  /** Most requests that are computed together, 1 to VIAL_RUNNING_LIMIT; 0: 64. A step holds at most 256 tokens. */
  uint32_t running_limit;
  /** Tokens of new prompts in a step beside requests that already answer, 1 to 65,536: fewer make these wait less for
   *  each token, and the prompt longer. 0: as many as keep such a step below two and a half times the time of one
   *  without, as it is measured; longer, in proportion, while more requests with short prompts begin than have three
   *  tokens of their answer. */
  uint32_t step_prompt_tokens;
  /** VIAL_ENGINE_..., or 0. */
  uint32_t flags;
  /** Most requests of one tenant that wait to be computed for the first time, 1 to 1,048,576, so that none fills the
   *  queue alone; requests without a tenant count as one. 0: queue_limit. One more is VIAL_STATUS_BUSY. */
  uint32_t tenant_queue_limit;
} vial_engine_options;

/* clang-format off */
#define VIAL_ENGINE_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_engine_options), VIAL_CACHE_F16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/** Opens an engine over a model, which stays in memory until the engine is closed, even when its own handle is
 *  closed before. Its threads block all signals, sleep while there is nothing to do and end when it is closed.
 *
 *  Any thread. Reserves memory: milliseconds.
 *
 *  model       An open model.
 *  options     NULL: VIAL_ENGINE_OPTIONS_INIT.
 *  out_engine  Gets the handle, or NULL on failure. The caller closes it.
 *  out_error   Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, UNSUPPORTED_ISA, OUT_OF_MEMORY, TOO_MANY_HANDLES. */
vial_status vial_engine_open(vial_model *model, const vial_engine_options *options, vial_engine **out_engine,
                             vial_error *out_error);

/** Closes an engine: cancels what is under way within a step, delivers the last events to callbacks, ends the
 *  threads and frees the memory. Requests that are still open keep what they have answered, their last event being
 *  VIAL_FINISH_CANCELLED. NULL is ignored.
 *
 *  Any thread but a delivery thread; waits for callbacks that run. In the child of a fork it does nothing.
 *
 *  Returns OK, IN_CALLBACK (called from a callback of any engine; nothing was closed). */
vial_status vial_engine_close(vial_engine *engine);

/** How an engine stands. */
typedef struct vial_engine_information {
  /** sizeof(vial_engine_information). */
  uint32_t struct_size;
  /** Threads that compute. */
  uint32_t thread_count;
  /** Most tokens of prompt and answer of one request. */
  uint64_t position_limit;
  /** Tokens that the KV cache holds, for all requests together. */
  uint64_t cache_position_count;
  /** Bytes of the KV cache. */
  uint64_t cache_byte_count;
  /** Requests that wait. */
  uint64_t waiting_count;
  /** Requests that are computed. */
  uint64_t running_count;
  /** Name of the instruction-set family. Static memory. */
  const char *isa;
} vial_engine_information;

#define VIAL_ENGINE_INFORMATION_INIT {(uint32_t)sizeof(vial_engine_information), 0, 0, 0, 0, 0, 0, 0}

/** Tells how an engine stands. Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE. */
vial_status vial_engine_get_information(vial_engine *engine, vial_engine_information *out_information);

/** Most bytes of a tenant's label. */
#define VIAL_TENANT_BYTE_LIMIT 256u

/** Gives a tenant `weight` times the share of one with weight 1, the weight of all at first: when requests of one
 *  priority compete, the tenant that was given least for its weight comes next.
 *
 *  Any thread. Waits for the current step.
 *
 *  tenant, tenant_length  The label, any bytes, at most VIAL_TENANT_BYTE_LIMIT; none: requests without a label.
 *  weight                 0.001 to 1000.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG. */
vial_status vial_engine_set_tenant_weight(vial_engine *engine, const char *tenant, uint64_t tenant_length,
                                          double weight);

/** Wipes what requests of a tenant that have ended left in the KV cache for later ones, before it returns. What
 *  requests under way hold is wiped when they end.
 *
 *  Any thread. Waits for the current step.
 *
 *  tenant, tenant_length  The label, any bytes, at most VIAL_TENANT_BYTE_LIMIT; none: requests without a label.
 *
 *  Returns OK, INVALID_ARGUMENT, TOO_LONG. */
vial_status vial_engine_forget_tenant(vial_engine *engine, const char *tenant, uint64_t tenant_length);

/** Buckets of a latency histogram. */
#define VIAL_LATENCY_BUCKET_COUNT 16u
/** Room for counts by VIAL_FINISH_.... */
#define VIAL_FINISH_REASON_ROOM 16u

/** How often something took how long. */
typedef struct vial_latencies {
  /** Values up to 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 and 60 seconds, each
   *  without those of the bucket before it, and longer ones. */
  uint64_t counts[VIAL_LATENCY_BUCKET_COUNT];
  /** Seconds of all values. */
  double sum;
} vial_latencies;

/** How an engine does. Counts are from when it was opened. Nothing of a prompt, an answer or a tenant is in it. */
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
  uint64_t finished_counts[VIAL_FINISH_REASON_ROOM];
  /** Requests that wait, those that had to give way included. */
  uint64_t waiting_count;
  /** Requests that are computed. */
  uint64_t running_count;
  /** KV blocks of 64 tokens in all. */
  uint64_t block_count;
  /** Blocks that requests and pinned prompts hold. */
  uint64_t held_block_count;
  /** Blocks that nobody holds, kept for prompts that begin alike. */
  uint64_t kept_block_count;
  /** Blocks that pinned prompts hold. */
  uint64_t pinned_block_count;
  /** Kept blocks that were wiped because their memory was needed. */
  uint64_t eviction_count;
  /** How often a request had to give way and was computed again. */
  uint64_t preemption_count;
  /** Tokens of prompts that were computed, those computed again included. */
  uint64_t prompt_token_count;
  /** Tokens of ended requests that were found in the KV cache instead. */
  uint64_t cached_token_count;
  /** Tokens that were generated. */
  uint64_t generated_token_count;
  /** Steps. */
  uint64_t step_count;
  /** Seconds of all steps. */
  double step_seconds;
  /** From submission to the first token. */
  vial_latencies first_token_seconds;
  /** From a token of a request to its next. */
  vial_latencies token_seconds;
} vial_engine_metrics;

/* clang-format off */
#define VIAL_ENGINE_METRICS_INIT \
  {(uint32_t)sizeof(vial_engine_metrics), 0, 0, 0, {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {{0}, 0}, {{0}, 0}}
/* clang-format on */

/** Tells how an engine does. Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE. */
vial_status vial_engine_get_metrics(vial_engine *engine, vial_engine_metrics *out_metrics);

/** The same as text in Prometheus' exposition format, for a host that serves it. Any thread. The text grows by a few
 *  bytes between two calls: ask with 16,384 bytes at once.
 *
 *  capacity    Bytes in out_text.
 *  out_text    Gets ASCII without a terminating zero; may be NULL when capacity is 0.
 *  out_length  Gets the length of the whole text in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
vial_status vial_engine_get_metrics_text(vial_engine *engine, uint64_t capacity, char *out_text,
                                         uint64_t *out_length);

/* ---- Requests ------------------------------------------------------------------------------------------ */

/** What happened to a request. */
enum {
  /** Nothing: the struct was not filled. */
  VIAL_EVENT_NONE = 0,
  /** A token of the answer. */
  VIAL_EVENT_TOKEN = 1,
  /** The end; nothing follows. May bring the last text, which had to wait for it. */
  VIAL_EVENT_FINISHED = 2
};

/** Which part of an answer a text belongs to. */
enum {
  /** The answer. */
  VIAL_PART_ANSWER = 0,
  /** What a reasoning model thinks before it answers. */
  VIAL_PART_REASONING = 1
};

/** Why a request ended. */
enum {
  /** Not yet. */
  VIAL_FINISH_NONE = 0,
  /** The model ended its answer. */
  VIAL_FINISH_STOP = 1,
  /** max_tokens or the position limit was reached. */
  VIAL_FINISH_LENGTH = 2,
  /** A stop string came up; neither it nor what follows is part of the text. */
  VIAL_FINISH_STOP_STRING = 3,
  /** vial_request_cancel, or the engine was closed. */
  VIAL_FINISH_CANCELLED = 4,
  /** The deadline passed. */
  VIAL_FINISH_DEADLINE = 5,
  /** The computation failed; `status` says how. */
  VIAL_FINISH_ERROR = 6,
  /** max_tokens or the position limit was reached before the answer satisfied its schema. */
  VIAL_FINISH_BUDGET = 7
};

/** A token and the natural logarithm of its probability. */
typedef struct vial_alternative {
  /** Id. */
  uint32_t token;
  /** Under the model's own distribution. */
  float log_probability;
} vial_alternative;

/** An event. Its pointers stay valid until its request is closed (in a callback also until that returns). */
typedef struct vial_event {
  /** sizeof(vial_event). */
  uint32_t struct_size;
  /** VIAL_EVENT_.... */
  uint32_t kind;
  /** Whose event it is. */
  vial_request *request;
  /** UTF-8 that is now certain, without a terminating zero: pieces of a character are kept until it is whole, and
   *  what may begin a stop string until it does not. Write it whatever the kind. */
  const char *text;
  /** Bytes of text; may be 0. */
  uint64_t text_length;
  /** VIAL_PART_...: where the text belongs. */
  uint32_t part;
  /** The token's id; VIAL_TOKEN_NONE when it is the end. The model's end token is not reported. */
  uint32_t token;
  /** Natural logarithm of the token's probability under the model's own distribution, before temperature, penalty
   *  and cuts; NaN when it is the end. */
  float log_probability;
  /** Number of alternatives. */
  uint32_t alternative_count;
  /** The likeliest tokens, best first; the chosen one may be among them. */
  const vial_alternative *alternatives;
  /** VIAL_FINISH_.... */
  uint32_t finish_reason;
  /** VIAL_STATUS_OK, or what failed when finish_reason is VIAL_FINISH_ERROR. */
  vial_status status;
  /** Entropy in nats of the model's own distribution of the token, with VIAL_REQUEST_ENTROPY; else NaN. */
  float entropy;
  /** 0. */
  uint32_t reserved;
} vial_event;

#define VIAL_EVENT_INIT {(uint32_t)sizeof(vial_event), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** Told of every event of one request, in order, on the engine's one delivery thread, without a lock held. It may
 *  call any function of this header but vial_engine_close, must return normally (no longjmp, no exception), and
 *  should return soon: all callbacks of the engine wait for it (the computing does not). The event is valid during
 *  the call. */
typedef void (*vial_event_callback)(void *context, const vial_event *event);

/** Which of the sampling parameters of vial_request_options are given; the others come from the file. */
enum {
  VIAL_GIVEN_TEMPERATURE = 1,
  VIAL_GIVEN_TOP_K = 2,
  VIAL_GIVEN_TOP_P = 4,
  VIAL_GIVEN_MIN_P = 8,
  VIAL_GIVEN_REPETITION_PENALTY = 16,
  /** max_reasoning_tokens counts. */
  VIAL_GIVEN_MAX_REASONING_TOKENS = 32
};

/** Flags of a request. */
enum {
  /** `text` is not a user's message but the beginning of a text: it gets the file's first token, not the chat
   *  template. */
  VIAL_REQUEST_RAW = 1,
  /** Neither uses nor leaves keys and values in the KV cache. */
  VIAL_REQUEST_PRIVATE = 2,
  /** Computes the prompt, answers nothing (VIAL_FINISH_LENGTH), and keeps what it computed, in whole blocks of 64
   *  tokens, in the KV cache until the request is closed: for a template that many prompts begin with. With a tenant
   *  for its prompts; without one for those of all tenants, so it must not hold what a patient wrote. Pinned prompts get
   *  half of the KV cache at most; what is beyond ends with VIAL_FINISH_ERROR and VIAL_STATUS_OUT_OF_MEMORY. */
  VIAL_REQUEST_PINNED = 4,
  /** The reasoning is kept from the caller: no events, no text and no ids of it. */
  VIAL_REQUEST_WITHHOLD_REASONING = 8,
  /** The schema of a prompt template is left aside. */
  VIAL_REQUEST_NO_SCHEMA = 16,
  /** Events carry entropies; costs a pass over the logits for each token. */
  VIAL_REQUEST_ENTROPY = 32
};

/** Most stop strings of a request. */
#define VIAL_STOP_COUNT_LIMIT 16u
/** Longest stop string, in bytes. */
#define VIAL_STOP_BYTE_LIMIT 256u
/** Most alternatives of a token. */
#define VIAL_ALTERNATIVE_LIMIT 20u
/** Longest schema, in bytes. */
#define VIAL_SCHEMA_BYTE_LIMIT 65536u
/** Most choices. */
#define VIAL_CHOICE_COUNT_LIMIT 1024u
/** Longest choice, in bytes. */
#define VIAL_CHOICE_BYTE_LIMIT 1024u

/** A text. */
typedef struct vial_text {
  /** UTF-8. */
  const char *text;
  /** Bytes. */
  uint64_t length;
} vial_text;

/** Options of vial_engine_submit: exactly one of text, messages, tokens and template_id. Nothing of it is needed after the call. */
typedef struct vial_request_options {
  /** sizeof(vial_request_options). */
  uint32_t struct_size;
  /** VIAL_REQUEST_..., or 0. */
  uint32_t flags;
  /** One user message, taken literally: what it spells is never a special token. */
  const char *text;
  /** Bytes in text. */
  uint64_t text_length;
  /** A conversation, rendered through the file's chat template. */
  const vial_message *messages;
  /** Messages in messages. */
  uint64_t message_count;
  /** Token ids, as they are. */
  const uint32_t *tokens;
  /** Ids in tokens. */
  uint64_t token_count;
  /** Most tokens of the answer; 0: as many as fit. */
  uint32_t max_tokens;
  /** VIAL_GIVEN_...: which of the next five count. */
  uint32_t given;
  /** 0 (always the likeliest token) to 100. */
  float temperature;
  /** Choose among this many tokens; 0: all. */
  uint32_t top_k;
  /** Choose among the likeliest tokens that reach this probability; above 0, at most 1. */
  float top_p;
  /** Choose among tokens at least this share as likely as the best; 0 to 1. */
  float min_p;
  /** Logits of ids seen before are divided by it (multiplied when negative); above 0, at most 100. */
  float repetition_penalty;
  /** Alternatives to report with every token, at most VIAL_ALTERNATIVE_LIMIT. */
  uint32_t alternative_count;
  /** Seed of the random numbers. */
  uint64_t seed;
  /** Texts that end the answer where they begin, in reasoning and answer alike. */
  const vial_text *stops;
  /** At most VIAL_STOP_COUNT_LIMIT, each of 1 to VIAL_STOP_BYTE_LIMIT bytes. */
  uint64_t stop_count;
  /** Milliseconds from now after which the request ends, finished or not; 0: none. */
  uint64_t deadline_milliseconds;
  /** Told of every event; NULL: the caller asks for them with vial_request_next_event or vial_engine_next_event. */
  vial_event_callback on_event;
  /** Handed to on_event. */
  void *context;
  /** Label of whoever the request is for, any bytes: a clinic, a department. Tenants get their share of the machine (see
   *  vial_engine_set_tenant_weight), and no tenant uses, or learns by timing, what was computed for another.
   *  Requests without a label are of one tenant. */
  const char *tenant;
  /** Bytes in tenant; at most VIAL_TENANT_BYTE_LIMIT. */
  uint64_t tenant_length;
  /** Requests of a higher priority are computed first, and take KV memory from lower ones; 0 is the usual one. */
  int32_t priority;
  /** 0. */
  uint32_t reserved;
  /** Name of an adapter of the file, UTF-8; NULL or no bytes: none. Requests with different adapters are computed
   *  together, and no answer depends on the adapters of others. */
  const char *adapter;
  /** Bytes in adapter; at most VIAL_ADAPTER_NAME_LIMIT. */
  uint64_t adapter_length;
  /** What the adapter's effect is multiplied by, within VIAL_ADAPTER_SCALE_LIMIT; 0: 1. 0 without an adapter. */
  float adapter_scale;
  /** 0. */
  uint32_t adapter_reserved;
  /** Id of a prompt template of the file. Its sampling parameters, max_tokens and stop strings hold where this struct
   *  gives none (0 in max_tokens and stop_count). */
  const char *template_id;
  /** Bytes in template_id. */
  uint64_t template_id_length;
  /** Values of the template's variables. */
  const vial_template_value *template_values;
  /** At most VIAL_TEMPLATE_VALUE_LIMIT. */
  uint64_t template_value_count;
  /** A JSON schema (Spec/TEMPLATES.md, "Schemas"): the answer, its reasoning excepted, is a JSON text that satisfies it,
   *  or ends with VIAL_FINISH_BUDGET. Not for patient text. NULL: the prompt template's, when there is one. */
  const char *schema;
  /** Bytes in schema; at most VIAL_SCHEMA_BYTE_LIMIT. */
  uint64_t schema_length;
  /** The answer, its reasoning excepted, is one of these texts; not beside schema. Not for patient text. */
  const vial_text *choices;
  /** At most VIAL_CHOICE_COUNT_LIMIT, each of 1 to VIAL_CHOICE_BYTE_LIMIT bytes. */
  uint64_t choice_count;
  /** Most tokens of the reasoning, after which it is closed; counts when VIAL_GIVEN_MAX_REASONING_TOKENS is given, else
   *  the prompt template's does, or none. */
  uint32_t max_reasoning_tokens;
  /** Which of several answers to the same prompt and seed: their random numbers differ. */
  uint32_t sample_index;
} vial_request_options;

/* clang-format off */
#define VIAL_REQUEST_OPTIONS_INIT \
  {(uint32_t)sizeof(vial_request_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/** Submits a request; it is computed by priority, in the order of arrival for each tenant, together with others.
 *  Texts and ids may be hostile; the library copies them into memory that it wipes.
 *
 *  Any thread, callbacks included. O(n log n) in the prompt; never waits for an answer.
 *
 *  options      The request.
 *  out_request  Gets the handle, or NULL on failure. The caller closes it. A callback may run before this is set:
 *               event->request is the same handle.
 *  out_error    Gets the details; may be NULL.
 *
 *  Returns OK, INVALID_ARGUMENT (also an empty prompt), INVALID_STRUCT_SIZE, INVALID_UTF8, TOO_LONG (a prompt that
 *  does not fit is refused, never cut), UNKNOWN_TOKEN, NOT_IN_FILE (no chat template, no prompt template or adapter
 *  of that name), TEMPLATE, SCHEMA, FORMAT (the prompt template is damaged; the adapter is damaged or not one of this
 *  model), BUSY, CLOSED, OUT_OF_MEMORY, TOO_MANY_HANDLES. */
vial_status vial_engine_submit(vial_engine *engine, const vial_request_options *options,
                               vial_request **out_request, vial_error *out_error);

/** Wait until there is something. */
#define VIAL_WAIT_FOREVER 0xFFFFFFFFu

/** Waits for the next event of one request. Each event is handed out once, to one caller.
 *
 *  Any thread. A request with a callback has no other events.
 *
 *  milliseconds  How long to wait; 0: not at all; VIAL_WAIT_FOREVER.
 *  out_event     Gets the event; its kind is VIAL_EVENT_NONE when the status is not OK.
 *
 *  Returns OK, INVALID_ARGUMENT (also: the request has a callback), INVALID_STRUCT_SIZE, TIMED_OUT, FINISHED (the last
 *  event was handed out before), CLOSED (the request was closed meanwhile). */
vial_status vial_request_next_event(vial_request *request, uint32_t milliseconds, vial_event *out_event);

/** Waits for the next event of any request without a callback; requests with events take turns. For hosts that serve
 *  many requests from one loop. With several callers, events of one request may be in the hands of two at once.
 *
 *  Any thread. Parameters as for vial_request_next_event.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, TIMED_OUT, CLOSED (the engine was closed and all events were
 *  handed out). */
vial_status vial_engine_next_event(vial_engine *engine, uint32_t milliseconds, vial_event *out_event);

/** A file descriptor for poll(2), epoll or a host's event loop: readable while vial_engine_next_event may have
 *  something. Call that with 0 milliseconds until it is TIMED_OUT. Never read, write or close the descriptor; it is
 *  the engine's, the same in every call, and closed with it.
 *
 *  Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT, SYSTEM (the process has no descriptor left). */
vial_status vial_engine_get_event_descriptor(vial_engine *engine, int32_t *out_descriptor);

/** Asks a request to end; it takes effect within a step of the engine, and its last event still comes. A request that
 *  has ended is left alone. Any thread, callbacks included.
 *
 *  Returns OK. */
vial_status vial_request_cancel(vial_request *request);

/** Closes a request: cancels it if it is under way and wipes its text once no call uses it. When it returns,
 *  no callback of this request runs or will run, unless it is such a callback that called: do not hold a lock
 *  that the callback takes. NULL, closed handles and handles of the parent process are ignored. Any thread,
 *  callbacks included. */
void vial_request_close(vial_request *request);

/** Where a request stands. */
enum { VIAL_STAGE_WAITING = 0, VIAL_STAGE_RUNNING = 1, VIAL_STAGE_FINISHED = 2 };

/** How a request stands. */
typedef struct vial_request_information {
  /** sizeof(vial_request_information). */
  uint32_t struct_size;
  /** VIAL_STAGE_.... */
  uint32_t stage;
  /** VIAL_FINISH_.... */
  uint32_t finish_reason;
  /** VIAL_STATUS_OK, or what failed when finish_reason is VIAL_FINISH_ERROR. */
  vial_status status;
  /** Tokens of the prompt. */
  uint64_t prompt_token_count;
  /** Tokens of the prompt that are done, computed or found in the KV cache. */
  uint64_t computed_prompt_token_count;
  /** Tokens of the answer so far, the end token excluded. */
  uint64_t token_count;
  /** Seconds in the queue. */
  double queue_seconds;
  /** Seconds from leaving the queue to the first token. */
  double prompt_seconds;
  /** Seconds from the first token to the end; 0 before it. */
  double generation_seconds;
  /** Tokens of the prompt that were found in the KV cache instead of computed. */
  uint64_t cached_prompt_token_count;
  /** How often it had to give way to others and was computed again. */
  uint64_t preemption_count;
} vial_request_information;

#define VIAL_REQUEST_INFORMATION_INIT {(uint32_t)sizeof(vial_request_information), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** Tells how a request stands. Any thread.
 *
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE. */
vial_status vial_request_get_information(vial_request *request, vial_request_information *out_information);

/** Copies the text of one part so far, whether or not its events were handed out. Any thread.
 *
 *  part        VIAL_PART_....
 *  capacity    Bytes in out_text.
 *  out_text    Gets valid UTF-8 without a terminating zero; may be NULL when capacity is 0. A text that is cut off
 *              may end within a character.
 *  out_length  Gets the length of the whole text in bytes.
 *
 *  Returns OK, INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
vial_status vial_request_get_text(vial_request *request, uint32_t part, uint64_t capacity, char *out_text,
                                  uint64_t *out_length);

/** Copies the token ids so far, reasoning included, the end token excluded. Any thread.
 *
 *  token_capacity   Ids in out_tokens.
 *  out_tokens       Gets the ids; may be NULL when token_capacity is 0.
 *  out_token_count  Gets the number of ids.
 *
 *  Returns OK, INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
vial_status vial_request_get_tokens(vial_request *request, uint64_t token_capacity, uint32_t *out_tokens,
                                    uint64_t *out_token_count);

#ifdef __cplusplus
}
#endif

#endif
