/* Generated. Counters in the order of the register map; causes and units. */

#ifndef SYSTOLA_NAMES_H
#define SYSTOLA_NAMES_H

enum systola_counter {
{% for counter in counters %}
    SYSTOLA_{{ counter }},
{% endfor %}
    SYSTOLA_COUNTERS
};

#define SYSTOLA_CAUSE_TEXTS { {%- for cause in causes %}[{{ cause|int }}] = "{{ cause.what }}"{{ ", " if not loop.last }}{% endfor -%} }
#define SYSTOLA_UNIT_TEXTS { {%- for number, name in units.items() %}[{{ number }}] = "{{ name }}"{{ ", " if not loop.last }}{% endfor -%} }

#endif
