"""The lab's drawings: widgets that are rows of ready-made strips."""
