"""What Services, their addresses and endpoints must look like. Source: kube-apiserver's validation."""
