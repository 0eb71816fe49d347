"""The demo: four labelled photographs, all four losses, and a fit that shows what each asks for."""
