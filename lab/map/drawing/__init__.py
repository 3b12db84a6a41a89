"""A lab as a picture: what stands where, the shapes, and the forms in which it is written."""
