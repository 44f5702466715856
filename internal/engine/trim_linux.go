package engine

/*
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

// DuckDB brings jemalloc, except on some platforms.
extern int duckdb_je_mallctl(const char *name, void *old, size_t *oldlen, void *new, size_t newlen) __attribute__((weak));

static void silt_trim(void) {
	malloc_trim(0);
	if (duckdb_je_mallctl) duckdb_je_mallctl("arena.4096.purge", NULL, 0, NULL, 0); // 4096: of all arenas
}

static void silt_keep_no_free_memory(void) {
	char name[64];
	unsigned n = 0;
	size_t size = sizeof n;
	ssize_t at_once = 0;
	mallopt(M_MMAP_THRESHOLD, 1 << 20); // a larger block is returned as soon as it is freed
	if (!duckdb_je_mallctl || duckdb_je_mallctl("arenas.narenas", &n, &size, NULL, 0)) return;
	duckdb_je_mallctl("arenas.dirty_decay_ms", NULL, 0, &at_once, sizeof at_once);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof name, "arena.%u.dirty_decay_ms", i);
		duckdb_je_mallctl(name, NULL, 0, &at_once, sizeof at_once); // an arena that is not used yet has the default above
	}
}
*/
import "C"

// trim returns memory that DuckDB and chunks have freed to the system.
func trim() { C.silt_trim() }

// keepNoFreeMemory makes DuckDB return all memory as soon as it is free, not some seconds later.
func keepNoFreeMemory() { C.silt_keep_no_free_memory() }
