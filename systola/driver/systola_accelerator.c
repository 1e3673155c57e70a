#include "systola_accelerator.h"

#include <stddef.h>

#include "systola_registers.h"

#define OFFSET(name) ((uint32_t)offsetof(systola_t, name))
#define FIELD(word, name) (((word) & SYSTOLA__##name##_bm) >> SYSTOLA__##name##_bp)

static uint32_t read_register(const struct systola_device *device, uint32_t offset)
{
    return device->read32(device->context, offset);
}

static void write_register(const struct systola_device *device, uint32_t offset, uint32_t value)
{
    device->write32(device->context, offset, value);
}

static uint32_t read_mapped(void *context, uint32_t offset)
{
    return ((volatile uint32_t *)context)[offset / 4];
}

static void write_mapped(void *context, uint32_t offset, uint32_t value)
{
    ((volatile uint32_t *)context)[offset / 4] = value;
}

void systola_map(struct systola_device *device, volatile uint32_t *base)
{
    device->read32 = read_mapped;
    device->write32 = write_mapped;
    device->context = (void *)base;
}

enum systola_result systola_probe(const struct systola_device *device)
{
    uint32_t design;

    if (read_register(device, OFFSET(ID)) != SYSTOLA__ID__VALUE_reset)
        return SYSTOLA_NO_DEVICE;
    design = read_register(device, OFFSET(DESIGN));
    return FIELD(design, DESIGN__VERSION) == SYSTOLA__DESIGN__VERSION_reset ? SYSTOLA_DONE : SYSTOLA_NO_DEVICE;
}

uint32_t systola_word_bytes(const struct systola_device *device)
{
    return FIELD(read_register(device, OFFSET(DESIGN)), DESIGN__LANES);
}

void systola_start(const struct systola_device *device, uint32_t program, uint32_t commands, int interrupts)
{
    const uint32_t both = SYSTOLA__INTERRUPT_ENABLE__DONE_bm | SYSTOLA__INTERRUPT_ENABLE__ERROR_bm;

    systola_acknowledge(device);
    write_register(device, OFFSET(INTERRUPT_ENABLE), interrupts ? both : 0);
    write_register(device, OFFSET(PROGRAM), program);
    write_register(device, OFFSET(COMMANDS), commands);
    write_register(device, OFFSET(CONTROL), SYSTOLA__CONTROL__START_bm);
}

enum systola_result systola_state(const struct systola_device *device)
{
    uint32_t status = read_register(device, OFFSET(STATUS));

    if (FIELD(status, STATUS__BUSY))
        return SYSTOLA_RUNNING;
    if (FIELD(status, STATUS__ERROR))
        return SYSTOLA_STOPPED;
    return FIELD(status, STATUS__DONE) ? SYSTOLA_DONE : SYSTOLA_IDLE;
}

enum systola_result systola_wait(const struct systola_device *device, uint32_t polls)
{
    enum systola_result state;

    while (polls--) {
        state = systola_state(device);
        if (state != SYSTOLA_RUNNING)
            return state;
    }
    return SYSTOLA_TIMEOUT;
}

void systola_acknowledge(const struct systola_device *device)
{
    write_register(device, OFFSET(INTERRUPT_STATUS),
                   SYSTOLA__INTERRUPT_STATUS__DONE_bm | SYSTOLA__INTERRUPT_STATUS__ERROR_bm);
}

struct systola_fault systola_fault(const struct systola_device *device)
{
    struct systola_fault fault;
    uint32_t cause = read_register(device, OFFSET(CAUSE));

    fault.cause = FIELD(cause, CAUSE__CODE);
    fault.unit = FIELD(cause, CAUSE__UNIT);
    fault.response = FIELD(cause, CAUSE__RESPONSE);
    fault.command = read_register(device, OFFSET(FAULT_COMMAND));
    return fault;
}

const char *systola_cause_text(uint32_t cause)
{
    static const char *const texts[] = SYSTOLA_CAUSE_TEXTS;

    return cause < sizeof texts / sizeof *texts && texts[cause] ? texts[cause] : "unknown cause";
}

const char *systola_unit_text(uint32_t unit)
{
    static const char *const texts[] = SYSTOLA_UNIT_TEXTS;

    return unit < sizeof texts / sizeof *texts && texts[unit] ? texts[unit] : "unknown unit";
}

void systola_set_watchdog(const struct systola_device *device, uint32_t cycles)
{
    write_register(device, OFFSET(WATCHDOG), cycles);
}

uint64_t systola_read_counter(const struct systola_device *device, enum systola_counter counter)
{
    uint32_t offset = OFFSET(CYCLES_LO) + 8 * (uint32_t)counter;
    /* the lower half first: reading it keeps the upper one */
    uint32_t low = read_register(device, offset);

    return (uint64_t)read_register(device, offset + 4) << 32 | low;
}

enum systola_result systola_reset(const struct systola_device *device, uint32_t polls)
{
    write_register(device, OFFSET(CONTROL), SYSTOLA__CONTROL__RESET_bm);
    return systola_wait(device, polls);
}
