#include "CP2PLinux.h"
