/* Every cell: its file, and its row. */
#include "gru.inc.c"
#include "lstm.inc.c"
#include "mingru.inc.c"
#include "rnn.inc.c"

static const cell cells[] = {
    {.name = "rnn", .blocks = 1, .states = 1, .recurrent = 1, .forward = rnn_forward, .backward = rnn_backward},
    {.name = "gru", .blocks = 3, .apart = 1, .states = 1, .recurrent = 1, .extra = 1, .options = LC_RESET_AFTER,
     .biased_extra = LC_RESET_AFTER, .forward = gru_forward, .backward = gru_backward},
    {.name = "lstm", .blocks = 4, .states = 2, .recurrent = 1, .extra = 1,
     .options = LC_PEEPHOLE | LC_COUPLED | LC_FORCE_INPUT | LC_FORCE_FORGET | LC_FORCE_OUTPUT,
     .forward = lstm_forward, .backward = lstm_backward},
    {.name = "mingru", .blocks = 2, .states = 1, .forward = mingru_forward, .backward = mingru_backward},
};
