"""Day 14, exercise 3: forecasts that are compared with what costs nothing."""
