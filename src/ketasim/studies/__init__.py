"""Published studies as data, and their replication as they were designed."""

from ketasim.studies.load import StudyDesign, bundled_studies, load_study, study_list
from ketasim.studies.replicate import replicate

__all__ = ["StudyDesign", "bundled_studies", "load_study", "replicate", "study_list"]
