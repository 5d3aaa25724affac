/* banned.h - calls that have no place in this code base; included by slice.h, so nearly everywhere. */
#ifndef WEIR_BASE_BANNED_H
#define WEIR_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Macros in some builds of glibc's headers, and a macro cannot be poisoned. */
#undef alloca
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf gets atoi atol atof strtok alloca

#endif
