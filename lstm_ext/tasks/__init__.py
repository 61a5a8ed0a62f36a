"""Tasks to learn, one file each: generated from a seed or read from files, with the scores to beat.

=================  ==========================================================================
first_character    say at the end which symbol came first, past distractors of three kinds
copy_memory        repeat ten symbols after a delay
last_symbol        say at the end which letter came last
counting           how many ticks since the last reset
reber              the embedded Reber grammar
adding             the sum of two marked numbers
sentiment          good or bad, by words; and with negation
entities, conll    names in sentences, generated or from files; ``bio`` scores spans
series, csv_file   the next values of sine waves, or of a column of a CSV file
reversal, dates    from one sequence to another
characters         texts and patterns such as "abcabc…", in windows or contiguous lanes
=================  ==========================================================================

Every batch is an ``nn.Batch``, ready for ``nn.fit``: inputs, lengths, targets. Layout is time-major. Symbols are
(T, B) int32; places after a sequence's end hold 0 and ``lengths`` (B,) says where that is (None: all are equally
long); targets of −1 are not counted. ``batch`` takes a ``numpy.random.Generator``: the same seed gives the same data,
and every call new data, so that no network can succeed by learning its training set by heart.
"""
