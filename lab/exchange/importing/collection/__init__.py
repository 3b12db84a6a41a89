"""What was collected, read: archives to texts, texts to objects of Kubernetes and to machines with interfaces."""
