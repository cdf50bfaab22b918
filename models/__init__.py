"""The CNN, never database tables: artefact, classifier, evaluation and training of the network."""
