"""kube-proxy in ipvs mode: virtual servers, the ipsets, and the few rules that look into them."""
