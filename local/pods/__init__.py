"""The stand-in for kubelet: model servers as processes, described as pods."""
