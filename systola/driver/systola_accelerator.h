/* Driver of a Systola accelerator: start a program, wait, read counters, say what went wrong, reset.

   The program and its data are in memory that the accelerator sees, at the addresses that the mapper gave;
   caches are the caller's business. No allocation, no globals: one struct for each device. */

#ifndef SYSTOLA_ACCELERATOR_H
#define SYSTOLA_ACCELERATOR_H

#include <stdint.h>

#include "systola_names.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How registers are reached; offset in bytes, a multiple of 4. */
struct systola_device {
    uint32_t (*read32)(void *context, uint32_t offset);
    void (*write32)(void *context, uint32_t offset, uint32_t value);
    void *context;
};

enum systola_result {
    SYSTOLA_DONE = 0,       /* the program has ended */
    SYSTOLA_RUNNING = 1,    /* it has not, as yet */
    SYSTOLA_STOPPED = 2,    /* a fault stopped it: systola_fault, then systola_reset */
    SYSTOLA_IDLE = 3,       /* nothing was started */
    SYSTOLA_NO_DEVICE = -1, /* no accelerator answers there, or one of another version */
    SYSTOLA_TIMEOUT = -2    /* as many polls as were allowed have not sufficed */
};

struct systola_fault {
    uint32_t cause;    /* CAUSE.code; systola_cause_text */
    uint32_t unit;     /* CAUSE.unit; systola_unit_text */
    uint32_t response; /* of the bus: 0 okay, 1 could not be asked, 2 SLVERR, 3 DECERR */
    uint32_t command;  /* number of the command to blame, from 0 */
};

/* Registers mapped into memory from `base` on. */
void systola_map(struct systola_device *device, volatile uint32_t *base);

/* SYSTOLA_DONE if an accelerator that this driver knows answers, else SYSTOLA_NO_DEVICE. */
enum systola_result systola_probe(const struct systola_device *device);

/* Bytes of a bus word: what the program's address must be a multiple of. */
uint32_t systola_word_bytes(const struct systola_device *device);

/* Run the program of at most `commands` commands at byte address `program`; returns at once.
   interrupts: whether irq is raised at its end. Only when neither running nor stopped. */
void systola_start(const struct systola_device *device, uint32_t program, uint32_t commands, int interrupts);

/* What it does now. */
enum systola_result systola_state(const struct systola_device *device);

/* Poll until it has ended or was stopped, at most `polls` times. */
enum systola_result systola_wait(const struct systola_device *device, uint32_t polls);

/* Lower irq. */
void systola_acknowledge(const struct systola_device *device);

/* Why it was stopped; holds until the next start. */
struct systola_fault systola_fault(const struct systola_device *device);
const char *systola_cause_text(uint32_t cause);
const char *systola_unit_text(uint32_t unit);

/* Cycles without any movement that count as a deadlock; 0: never. */
void systola_set_watchdog(const struct systola_device *device, uint32_t cycles);

/* Of the last program, or of the one that runs. */
uint64_t systola_read_counter(const struct systola_device *device, enum systola_counter counter);

/* Drop everything. SYSTOLA_IDLE when it can be started again, SYSTOLA_TIMEOUT if the memory does not answer. */
enum systola_result systola_reset(const struct systola_device *device, uint32_t polls);

#ifdef __cplusplus
}
#endif

#endif
