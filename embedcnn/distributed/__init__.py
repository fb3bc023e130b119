"""Training on several processes or machines by MPI (extra `mpi`): the same script under `mpirun -n 4`.

Names are those of keras.distribution (DataParallel, set_distribution, distribution) and Horovod (rank, size).
"""

from .communicators import Communicator
from .data_parallel import DataParallel, distribution, rank, set_distribution, size
from .rounds import RankError

__all__ = ["Communicator", "DataParallel", "RankError", "distribution", "rank", "set_distribution", "size"]
