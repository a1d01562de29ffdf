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
 *     uint32_t tokens[512];
 *     uint64_t count = 0;
 *     vial_model_tokenize(model, text, text_length, 0, 512, tokens, &count, NULL);
 *     ...
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
 *   library keeps no copy after it, and wipes the ones that it made.
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
 *   what         use from several threads   close
 *   -----------  -------------------------  --------------------------------------------------------------
 *   vial_model   yes, at the same time      from any thread, at any time: calls that are under way finish
 *   structs      one thread at a time       (the caller's own memory)
 *
 * After fork, a handle of the parent gives VIAL_STATUS_FORKED in the child, and closing it there is allowed and
 * does nothing: the parent's threads are not there. The child may open models of its own.
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

/** Version of this header. */
#define VIAL_VERSION_MAJOR 0
#define VIAL_VERSION_MINOR 1
#define VIAL_VERSION_PATCH 0
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
  /** The chat template refuses these messages, or exceeds its limits. */
  VIAL_STATUS_TEMPLATE = 12,
  /** The computation met a value that is infinite or not a number: the weights are damaged. */
  VIAL_STATUS_NUMERIC = 13,
  /** The caller's callback asked to stop. */
  VIAL_STATUS_CANCELLED = 14,
  /** The handle belongs to the process that forked this one. */
  VIAL_STATUS_FORKED = 15,
  /** This CPU cannot run the instruction-set family that was asked for. */
  VIAL_STATUS_UNSUPPORTED_ISA = 16,
  /** More models are open than the library has handles for. */
  VIAL_STATUS_TOO_MANY_HANDLES = 17,
  /** None of the trusted keys signed the file as it is. */
  VIAL_STATUS_UNTRUSTED = 18
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

/** Most models open at the same time in a process. */
#define VIAL_MODEL_LIMIT 65535u

/** How the file gets into memory. */
enum {
  /** Shared with all processes that map it; nothing is read until it is needed. */
  VIAL_ACCESS_MAPPED = 0,
  /** Read into memory of this process, for files that somebody may change or truncate meanwhile. */
  VIAL_ACCESS_PRIVATE_COPY = 1
};

/** Most trusted keys of one call. */
#define VIAL_TRUSTED_KEY_LIMIT 64u

/** Options of vial_model_open.
 *
 *  With trusted keys, only a file that one of them signed as it is now opens (vial sign; Spec/FORMAT.md). Vouched
 *  for are then the table with every section's digest, and the contents of configuration, tokenizer, templates and
 *  provenance. Weights and adapters are not read when opening: hold them against their digests too, or a changed
 *  weight goes unnoticed. Open files that others can write with VIAL_ACCESS_PRIVATE_COPY. */
typedef struct vial_model_options {
  /** sizeof(vial_model_options). */
  uint32_t struct_size;
  /** VIAL_ACCESS_.... */
  uint32_t access;
  /** Keys in trusted_keys; at most VIAL_TRUSTED_KEY_LIMIT. */
  uint32_t trusted_key_count;
  /** 0. */
  uint32_t reserved;
  /** Ed25519 public keys, 32 bytes each; NULL asks for no signature. A list of no keys trusts nobody. */
  const uint8_t *trusted_keys;
} vial_model_options;

#define VIAL_MODEL_OPTIONS_INIT {(uint32_t)sizeof(vial_model_options), VIAL_ACCESS_MAPPED, 0, 0, 0}

/** Opens a model file. Its tables are validated, its weights are not touched (vial verify checks their digests).
 *
 *  The file may be hostile. Any thread. O(sections + tensors), milliseconds for any model.
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
  uint32_t layer_count;
  uint32_t hidden_size;
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
  /** 0. */
  uint32_t reserved;
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
  uint64_t role_length;
  /** UTF-8. */
  const char *content;
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

/* ---- Scoring ------------------------------------------------------------------------------------------- */

/** Number types of cached keys and values: the only option that changes a score. */
enum { VIAL_CACHE_F16 = 0, VIAL_CACHE_F32 = 1, VIAL_CACHE_INT8 = 2 };

/** Most threads. */
#define VIAL_THREAD_LIMIT 1024u

/** Told on the calling thread, without a lock held, how many of the ids have been scored. It may call any function
 *  of this header, must return normally (no longjmp, no exception), and returns 0 to go on or anything else to
 *  stop. */
typedef int32_t (*vial_progress)(void *context, uint64_t done, uint64_t total);

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
} vial_score_options;

#define VIAL_SCORE_OPTIONS_INIT {(uint32_t)sizeof(vial_score_options), VIAL_CACHE_F16, 0, 0, 0, 0, 0}

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
 *  Returns OK, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, TOO_LONG, UNKNOWN_TOKEN, UNSUPPORTED_ISA, OUT_OF_MEMORY,
 *  NUMERIC, CANCELLED. */
vial_status vial_model_score(vial_model *model, const uint32_t *tokens, uint64_t token_count,
                             const vial_score_options *options, float *out_log_probabilities,
                             vial_error *out_error);

#ifdef __cplusplus
}
#endif

#endif
