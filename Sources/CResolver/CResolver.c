// res_ninit and its kin are macros, and their state is a struct of bit-fields: out of reach for Swift.
#include "CResolver.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

int cresolver_query_txt(const char *name, int seconds, unsigned char *answer, int capacity) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) {
        return CRESOLVER_FAILED;
    }
    state.retrans = seconds;
    state.retry = 2;
    int length = res_nquery(&state, name, ns_c_in, ns_t_txt, answer, capacity);
    int cause = state.res_h_errno;
    res_nclose(&state);
    if (length >= 0) {
        return length;
    }
    return cause == HOST_NOT_FOUND || cause == NO_DATA ? CRESOLVER_NOT_FOUND : CRESOLVER_FAILED;
}
