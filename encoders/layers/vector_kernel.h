#pragma once

// For sources whose loops are compiled several times over, for AVX-512, AVX2 and plain x86-64: CIGLI_CLONES stands
// before a function, of which the processor chooses one, and CIGLI_INLINE before what it calls, which becomes part of
// each.
#pragma GCC diagnostic ignored "-Wpsabi"  // wide vectors cross no function that is not inlined

#define CIGLI_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__)
#define CIGLI_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define CIGLI_CLONES
#endif
