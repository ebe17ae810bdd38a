#ifndef CRESOLVER_H
#define CRESOLVER_H

#include <stddef.h>

/// How a lookup ended that brought no answer.
enum cresolver_error {
    /// The name or its TXT records do not exist.
    CRESOLVER_NOT_FOUND = -1,
    /// No name server answered, or they refused.
    CRESOLVER_FAILED = -2,
};

/// Asks the configured name servers for the TXT records of a name. Blocks.
///
/// @param name fully qualified, without search domains.
/// @param seconds to wait for a server before the next one or the second and last round.
/// @param answer takes the whole DNS message.
/// @return the length of the message, which may exceed `capacity` when it did not fit, or a cresolver_error.
int cresolver_query_txt(const char *name, int seconds, unsigned char *answer, int capacity);

#endif
